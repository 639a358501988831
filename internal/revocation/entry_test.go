package revocation

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// A reader in another language computes the same hashes from this description.
func TestHash_IsTheBeginningOfSHA256(t *testing.T) {
	for _, tt := range []struct {
		hash Hash
		text string
	}{
		{Grant.Hash("g"), "\x01g"},
		{Exempt.Hash("g"), "\x08g"},
		{All.Hash("https://issuer.example"), "\x09https://issuer.example"},
		{Subject.Hash(strings.Repeat("s", 1000)), "\x04" + strings.Repeat("s", 1000)},
		{HashSubjectAtClient("alice", "web"), "\x05alice\x00web"},
	} {
		digest := sha256.Sum256([]byte(tt.text))
		if want := Hash(binary.BigEndian.Uint64(digest[:])); tt.hash != want {
			t.Errorf("hash of %.20q is %x, want %x", tt.text, tt.hash, want)
		}
	}
}

func TestHash_DoesNotAllocate(t *testing.T) {
	text, n := strings.Repeat("s", 200), 0.0
	n = testing.AllocsPerRun(100, func() { _ = Subject.Hash(text); _ = HashSubjectAtClient(text, text) })
	if n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestDecodeEntries(t *testing.T) {
	want := []Entry{{1, 1}, {1<<64 - 1, 1<<63 - 1}, {Grant.Hash("g"), 1_790_000_000_000_000}}
	var b []byte
	for _, e := range want {
		b = AppendEntry(b, e)
	}
	if got, err := DecodeEntries(b); err != nil || !slices.Equal(got, want) {
		t.Errorf("decoded %v, %v; want %v", got, err, want)
	}

	for name, b := range map[string][]byte{
		"torn":           b[:len(b)-1],
		"hash zero":      AppendEntry(nil, Entry{0, 1}),
		"moment zero":    AppendEntry(nil, Entry{1, 0}),
		"moment in 1969": AppendEntry(nil, Entry{1, -1}),
	} {
		if got, err := DecodeEntries(b); err == nil {
			t.Errorf("%s: decoded %v, want an error", name, got)
		}
	}
}

package revocation

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
)

// An id is read back to the microsecond, and its layout is that of RFC 9562.
func TestNewTokenID_HoldsTheMoment(t *testing.T) {
	second := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for micros := range 1_000_000 {
		if micros > 3000 && micros%997 != 0 && micros < 999_000 {
			continue
		}
		minted := second.Add(time.Duration(micros) * time.Microsecond)
		id := NewTokenID(minted)
		if got := MintedAt(id, second); got != minted.UnixMicro() {
			t.Fatalf("id of %v: minted %d, want %d", minted, got, minted.UnixMicro())
		}
		if !regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`).MatchString(id) {
			t.Fatalf("id %q is not 22 characters of base64url", id)
		}
		raw, _ := base64.RawURLEncoding.DecodeString(id)
		u, err := uuid.FromBytes(raw)
		if err != nil || u.Version() != 7 || u.Variant() != uuid.RFC4122 {
			t.Fatalf("id %q is version %d, variant %v, %v", id, u.Version(), u.Variant(), err)
		}
		if at := time.Unix(u.Time().UnixTime()).UnixMilli(); at != minted.UnixMilli() {
			t.Fatalf("id %q has millisecond %d, want %d", id, at, minted.UnixMilli())
		}
	}
}

// Rule 15: the jti of every issued token is unique, also among tokens of one
// moment.
func TestRule15_UniqueID(t *testing.T) {
	n := 10_000_000
	if testing.Short() {
		n = 1_000_000
	}
	now := time.Now()
	type id struct{ high, low uint64 }
	ids := make([]id, n)
	for i := range ids {
		var b [16]byte
		text := NewTokenID(now)
		size, err := base64.RawURLEncoding.Strict().Decode(b[:], []byte(text))
		if err != nil || size != 16 || len(text) != 22 {
			t.Fatalf("the jti %q is not 128 bits of base64url: %v", text, err)
		}
		ids[i] = id{binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])}
	}
	slices.SortFunc(ids, func(a, b id) int {
		return cmp.Or(cmp.Compare(a.high, b.high), cmp.Compare(a.low, b.low))
	})
	if left := len(slices.Compact(ids)); left != n {
		t.Errorf("%d of %d jti are duplicates", n-left, n)
	}
}

func TestMintedAt_FallsBackToIssuedAt(t *testing.T) {
	issued := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	version4 := uuid.New()
	for name, id := range map[string]string{
		"empty":       "",
		"version 4":   base64.RawURLEncoding.EncodeToString(version4[:]),
		"too early":   NewTokenID(issued.Add(-61 * time.Second)),
		"too late":    NewTokenID(issued.Add(61 * time.Second)),
		"too long":    NewTokenID(issued) + "A",
		"not base64":  "!!!!!!!!!!!!!!!!!!!!!!",
		"spare bits":  NewTokenID(issued)[:21] + "B",
		"line breaks": "\n\n" + NewTokenID(issued)[:20],
	} {
		if got := MintedAt(id, issued); got != issued.UnixMicro() {
			t.Errorf("%s: minted %d, want %d", name, got, issued.UnixMicro())
		}
	}
}

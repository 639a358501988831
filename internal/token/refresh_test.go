package token

import (
	"bytes"
	"encoding/base64"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/oauth"
)

const keyID = "0123456789abcdef"

// secret is the bytes 0x00 to 0x1f, handle the bytes 0xa0 to 0xaf.
var (
	secret = sequence(0, 32)
	handle = oauth.Handle(sequence(0xa0, 16))
)

func sequence(from byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = from + byte(i)
	}
	return b
}

// The layout must not change: refresh tokens are valid for months, and clients
// keep them when the server is updated. The expected tokens were computed by an
// independent program from the layout.
func TestRefresh_Layout(t *testing.T) {
	ones := bytes.Repeat([]byte{0xff}, 32)
	for _, c := range []struct {
		refresh Refresh
		secret  []byte
		want    string
	}{
		{
			Refresh{KeyID: keyID, Handle: handle, Generation: 7},
			secret,
			"sgr_AQEjRWeJq83voKGio6SlpqeoqaqrrK2urwAAAAf0jEq-90yxlx2SFhGd6Y5z",
		},
		{
			Refresh{KeyID: "fedcba9876543210", Handle: oauth.Handle(ones[:16]), Generation: math.MaxUint32},
			ones,
			"sgr_Af7cuph2VDIQ__________________________9dkRo-NJ8biDeivGbtUtgD",
		},
	} {
		got, err := c.refresh.Encode(c.secret)
		if err != nil || got != c.want {
			t.Errorf("encoded %s, want %s, %v", got, c.want, err)
		}
		sealed, err := ParseRefresh(c.want)
		if err != nil || sealed.KeyID != c.refresh.KeyID {
			t.Fatalf("parsed %+v, %v", sealed, err)
		}
		if opened, err := sealed.Verify(c.secret); err != nil || opened != c.refresh {
			t.Errorf("opened %+v, want %+v, %v", opened, c.refresh, err)
		}
	}
	if id := handle.GrantID().String(); id != "503563c1bda45327ff4617750a06bd81" {
		t.Errorf("the grant's id is %s", id)
	}
}

func TestRefresh_EncodeRejectsInvalidKeys(t *testing.T) {
	for _, key := range []string{
		"", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "0123456789abcdeg", "0123456789abcdef01",
	} {
		if got, err := (Refresh{KeyID: key}).Encode(secret); err == nil {
			t.Errorf("key %q: encoded %s", key, got)
		}
	}
	for _, short := range [][]byte{nil, {}, secret[:31]} {
		if got, err := (Refresh{KeyID: keyID}).Encode(short); err == nil {
			t.Errorf("a secret of %d bytes: encoded %s", len(short), got)
		}
	}
}

// Rule 26: a refresh token is rejected if any byte of it is changed, removed or
// added.
func TestRule26_ChangedRefreshToken(t *testing.T) {
	good, err := Refresh{KeyID: keyID, Handle: handle, Generation: 7}.Encode(secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseAndOpen(good, secret); err != nil {
		t.Fatal(err)
	}
	wantRejected := func(what, text string) {
		t.Helper()
		if r, err := parseAndOpen(text, secret); err == nil || r != (Refresh{}) {
			t.Errorf("%s: opened %q as %+v, %v", what, text, r, err)
		} else if !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range good {
		for c := range 256 {
			if byte(c) != good[i] {
				wantRejected("a character changed", good[:i]+string([]byte{byte(c)})+good[i+1:])
			}
		}
		wantRejected("truncated", good[:i])
		wantRejected("cut at the front", good[i+1:])
		wantRejected("a character left out", good[:i]+good[i+1:])
		for _, more := range []string{"A", "=", "\n", " "} {
			wantRejected("a character put in", good[:i]+more+good[i:])
		}
	}
	for _, more := range []string{"A", "AA", "AAAA", "=", "==", "====", "\n", "\r\n", " ", "\x00", ".", good} {
		wantRejected("extended", good+more)
		wantRejected("extended at the front", more+good)
	}
	wantRejected("upper case", strings.ToUpper(good))
	wantRejected("lower case", strings.ToLower(good))
	wantRejected("prefix in upper case", "SGR_"+good[4:])
	wantRejected("of a device", devicePrefix+good[4:])
	wantRejected("base64", strings.NewReplacer("-", "+", "_", "/").Replace(good))
	// The MAC covers every bit of the 45 bytes.
	raw, err := base64.RawURLEncoding.DecodeString(good[4:])
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(raw) * 8 {
		raw[bit/8] ^= 1 << (bit % 8)
		wantRejected("a bit changed", refreshPrefix+base64.RawURLEncoding.EncodeToString(raw))
		raw[bit/8] ^= 1 << (bit % 8)
	}
}

// Rule 26: a refresh token is rejected with any secret but its own.
func TestRule26_OtherSecret(t *testing.T) {
	good, err := Refresh{KeyID: keyID, Handle: handle, Generation: 7}.Encode(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range [][]byte{nil, {}, secret[:31], append(bytes.Clone(secret), 1), make([]byte, 32)} {
		if r, err := parseAndOpen(good, other); !errors.Is(err, ErrInvalid) {
			t.Errorf("opened by a secret of %d bytes: %+v, %v", len(other), r, err)
		}
	}
}

// Rule 26: a valid MAC is not enough. A refresh token of an unknown version is
// rejected, and so is one whose secret is too short.
func TestRule26_ValidMACOfInvalidToken(t *testing.T) {
	encode := func(version byte, secret []byte) string {
		f := frame{version}
		copy(f[refreshMAC:], mac(secret, refreshMAC, refreshLabel, f[:refreshMAC]).Bytes())
		return f.text(refreshPrefix)
	}
	if _, err := parseAndOpen(encode(1, secret), secret); err != nil {
		t.Errorf("a token of the current version: %v", err)
	}
	for _, version := range []byte{0, 2, 255} {
		if r, err := parseAndOpen(encode(version, secret), secret); !errors.Is(err, ErrInvalid) {
			t.Errorf("version %d: opened as %+v, %v", version, r, err)
		}
	}
	for _, short := range [][]byte{nil, {}, secret[:31]} {
		if r, err := parseAndOpen(encode(1, short), short); !errors.Is(err, ErrInvalid) {
			t.Errorf("a secret of %d bytes: opened as %+v, %v", len(short), r, err)
		}
	}
}

func TestNewHandle_IsRandom(t *testing.T) {
	if a, b := NewHandle(), NewHandle(); a == b || a == (oauth.Handle{}) {
		t.Errorf("handles %x and %x", a, b)
	}
}

// parseAndOpen verifies a refresh token.
func parseAndOpen(text string, secret []byte) (Refresh, error) {
	sealed, err := ParseRefresh(text)
	if err != nil {
		return Refresh{}, err
	}
	return sealed.Verify(secret)
}

// A token that can be parsed has only one text form. No token is valid except
// one that was issued.
func FuzzParseRefresh(f *testing.F) {
	const good = "sgr_AQEjRWeJq83voKGio6SlpqeoqaqrrK2urwAAAAf0jEq-90yxlx2SFhGd6Y5z"
	f.Add(good)
	f.Add("sgr_Af7cuph2VDIQ__________________________9dkRo-NJ8biDeivGbtUtgD")
	f.Add("sgr_" + strings.Repeat("A", 60))
	f.Add("sgr_AQ" + strings.Repeat("\n", 58))
	f.Add(good[:60] + "\r\n\r\n")
	f.Add("sgd_" + good[4:])
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		sealed, err := ParseRefresh(text)
		if err != nil {
			if !errors.Is(err, ErrInvalid) || sealed != (UnverifiedRefresh{}) {
				t.Errorf("%q: %+v, %v", text, sealed, err)
			}
			return
		}
		if sealed.frame.text(refreshPrefix) != text {
			t.Errorf("%q has another text form", text)
		}
		if r, err := sealed.Verify(secret); err == nil && text != good {
			t.Errorf("%q opens as %+v", text, r)
		}
		// If its content is encoded again, only the MAC can differ.
		r := Refresh{
			KeyID: sealed.KeyID, Handle: oauth.Handle(sealed.frame[9:25]),
			Generation: uint32(sealed.frame[25])<<24 | uint32(sealed.frame[26])<<16 |
				uint32(sealed.frame[27])<<8 | uint32(sealed.frame[28]),
		}
		again, err := r.Encode(secret)
		if err != nil || again[:40] != text[:40] {
			t.Errorf("%q encoded again is %q, %v", text, again, err)
		}
	})
}

package token

import (
	"bytes"
	"encoding/base64"
	"errors"
	"testing"

	"github.com/signetd/signet/internal/oauth"
)

// The layout must not change: session tokens are valid for months, and browsers
// keep them when the server is updated. The expected tokens were computed by an
// independent program from the layout.
func TestSession_Layout(t *testing.T) {
	ones := bytes.Repeat([]byte{0xff}, 32)
	for _, c := range []struct {
		session Session
		secret  []byte
		want    string
	}{
		{
			Session{KeyID: keyID, Handle: handle},
			secret,
			"sgb_AQEjRWeJq83voKGio6SlpqeoqaqrrK2urwAAAAA1anBjgHemoTr-BhhDQvYl",
		},
		{
			Session{KeyID: "fedcba9876543210", Handle: oauth.Handle(ones[:16])},
			ones,
			"sgb_Af7cuph2VDIQ_____________________wAAAABYftnSTWAviTe0KAvUg1kd",
		},
	} {
		got, err := c.session.Encode(c.secret)
		if err != nil || got != c.want {
			t.Errorf("encoded %s, want %s, %v", got, c.want, err)
		}
		if opened, err := parseSession(c.want, c.secret); err != nil || opened != c.session {
			t.Errorf("opened %+v, want %+v, %v", opened, c.session, err)
		}
	}
	if got, err := (Session{KeyID: "short"}).Encode(secret); err == nil {
		t.Errorf("encoded %s", got)
	}
	if got, err := (Session{KeyID: keyID}).Encode(secret[:31]); err == nil {
		t.Errorf("encoded %s", got)
	}
}

// Rule 26: a session token is rejected if any bit of it is changed, if it is
// longer or shorter, with another secret, and under the prefix of another kind
// of token. A refresh token of the same content is no session token.
func TestRule26_ChangedSessionToken(t *testing.T) {
	good, err := Session{KeyID: keyID, Handle: handle}.Encode(secret)
	if err != nil {
		t.Fatal(err)
	}
	refresh, err := Refresh{KeyID: keyID, Handle: handle}.Encode(secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseSession(good, secret); err != nil {
		t.Fatal(err)
	}
	wantRejected := func(text string, secret []byte) {
		t.Helper()
		if s, err := parseSession(text, secret); !errors.Is(err, ErrInvalid) || s != (Session{}) {
			t.Errorf("opened %q as %+v, %v", text, s, err)
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(good[len(sessionPrefix):])
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(raw) * 8 {
		raw[bit/8] ^= 1 << (bit % 8)
		wantRejected(sessionPrefix+base64.RawURLEncoding.EncodeToString(raw), secret)
		raw[bit/8] ^= 1 << (bit % 8)
	}
	for _, text := range []string{
		"", sessionPrefix, good[1:], good[:len(good)-1], good + "A", good + "\n", " " + good,
		refreshPrefix + good[4:], devicePrefix + good[4:], "SGB_" + good[4:], refresh, sessionPrefix + refresh[4:],
	} {
		wantRejected(text, secret)
	}
	if r, err := parseAndOpen(refreshPrefix+good[4:], secret); !errors.Is(err, ErrInvalid) {
		t.Errorf("opened as the refresh token %+v, %v", r, err)
	}
	for _, other := range [][]byte{nil, secret[:31], make([]byte, 32)} {
		wantRejected(good, other)
	}
}

// parseSession verifies a session token.
func parseSession(text string, secret []byte) (Session, error) {
	unverified, err := ParseSession(text)
	if err != nil {
		return Session{}, err
	}
	return unverified.Verify(secret)
}

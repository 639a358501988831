package token

import (
	"crypto"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// The verdict on an access token follows from its signature first: what another
// issuer has signed is never refused, and what cannot be decided is neither
// refused nor invalid.
func TestVerifyAccess_Verdicts(t *testing.T) {
	errStore := errors.New("the store does not answer")
	text := signPayload(t, keys.EdDSA, accessType, payloadWith(t, "extra", `"x"`))
	cut := strings.LastIndexByte(text, '.')
	forged := text[:cut+1] + strings.Repeat("A", len(text)-cut-1)
	for name, c := range map[string]struct {
		text   string
		keyErr error
		now    time.Time
		want   error // nil if the token is valid
		claims bool
	}{
		"valid":                          {text, nil, issued, nil, true},
		"compromised":                    {text, keys.ErrCompromised, issued, ErrRefused, true},
		"compromised and expired":        {text, keys.ErrCompromised, issued.Add(24 * time.Hour), ErrRefused, true},
		"destroyed":                      {text, keys.ErrDestroyed, issued, ErrRefused, true},
		"of a server ahead":              {text, nil, issued.Add(-skew - time.Second), ErrRefused, true},
		"forged under a compromised key": {forged, keys.ErrCompromised, issued, ErrInvalid, false},
		"unknown key":                    {text, keys.ErrUnknownKey, issued, ErrInvalid, false},
		"unreadable key":                 {text, errStore, issued, errStore, false},
		"unreadable key, expired":        {text, errStore, issued.Add(24 * time.Hour), errStore, false},
		"malformed, unreadable key":      {text + ".x", errStore, issued, ErrInvalid, false},
	} {
		a, err := VerifyAccess(c.text, issuer, func(kid string) (string, crypto.PublicKey, error) {
			return kid, signers()[kid].Public(), c.keyErr
		}, c.now, skew, nil)
		if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		for _, verdict := range []error{ErrInvalid, ErrRefused} {
			if verdict != c.want && errors.Is(err, verdict) {
				t.Errorf("%s: %v is also %v", name, err, verdict)
			}
		}
		if (a.GrantID != "") != c.claims {
			t.Errorf("%s: claims %+v", name, a)
		}
	}
}

func TestRefusal_Codes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want oauth.Code
	}{
		{invalid("unknown"), oauth.InvalidGrant},
		{refuse(keys.ErrCompromised), oauth.InvalidGrant},
		{errors.New("the store does not answer"), oauth.TemporarilyUnavailable},
	} {
		if err := Refusal(oauth.InvalidGrant, c.err); !errors.Is(err, c.want) || !errors.Is(err, c.err) {
			t.Errorf("%v became %v, want %s", c.err, err, c.want)
		}
	}
}

package verify_test

import (
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quiet is the logger of verifiers in tests.
var quiet = slog.New(slog.DiscardHandler)

// newVerifier makes a verifier of the issuer. It is closed at the end of the
// test.
func newVerifier(t *testing.T, client http.RoundTripper, o verify.Options) *verify.Verifier {
	t.Helper()
	if o.Audience == "" {
		o.Audience = verifytest.Audience
	}
	if o.Log == nil {
		o.Log = quiet
	}
	o.HTTP = &http.Client{Transport: client, Timeout: time.Millisecond} // it does not count
	v, err := verify.New(t.Context(), verifytest.URL, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// want fails the test unless Verify returns an error of this kind, or none.
func want(t *testing.T, v *verify.Verifier, what, token string, kind error) *verify.Claims {
	t.Helper()
	c, err := v.Verify(t.Context(), token)
	if !errors.Is(err, kind) || (c == nil) != (err != nil) {
		t.Errorf("%s: got the error %v, want %v", what, err, kind)
	}
	return c
}

// bubble runs a test in a synctest bubble.
func bubble(t *testing.T, f func(t *testing.T)) { t.Helper(); synctest.Test(t, f) }

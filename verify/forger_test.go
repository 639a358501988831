package verify_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

var algorithms = []string{verifytest.EdDSA, verifytest.ES256, verifytest.RS256}

// A forger makes malformed tokens with the keys of an issuer.
type forger struct {
	t       *testing.T
	issuer  *verifytest.Issuer
	v       *verify.Verifier
	handler http.Handler
	refused string // the response to a token with an invalid signature
}

// newForger returns a forger and checks that the token from which it makes
// malformed ones is valid.
func newForger(t *testing.T, o verify.Options, algorithms ...string) *forger {
	t.Helper()
	f := &forger{t: t, issuer: verifytest.New(t, algorithms...)}
	if o.HTTP != nil {
		o.HTTP.Transport.(*link).issuer = f.issuer
	}
	f.v = f.issuer.Verifier(o)
	f.handler = f.v.Middleware(served)
	want(t, f.v, "the token without a change", f.token(f.header(verifytest.EdDSA), f.payload("", "")), nil)
	other := f.token(f.header(verifytest.EdDSA), f.payload("sub", `"eve"`))
	good := f.token(f.header(verifytest.EdDSA), f.payload("", ""))
	cut := strings.LastIndexByte(good, '.')
	f.refused = answer(t, f.handler, "Bearer "+good[:cut]+other[strings.LastIndexByte(other, '.'):])
	if !strings.Contains(f.refused, "invalid_token") {
		t.Fatalf("an invalid signature: %s", f.refused)
	}
	return f
}

// header returns the header of the issuer's tokens.
func (f *forger) header(algorithm string) string {
	kid, _ := f.issuer.Key(algorithm)
	return fmt.Sprintf(`{"typ":"at+jwt","alg":%q,"kid":%q}`, algorithm, kid)
}

// headerWith returns a header with further members.
func (f *forger) headerWith(members string) string {
	h := f.header(verifytest.EdDSA)
	return h[:len(h)-1] + "," + members + "}"
}

// payload returns the payload of a valid token with one claim replaced, or
// removed if value is empty.
func (f *forger) payload(name, value string) string {
	f.t.Helper()
	part := strings.Split(f.issuer.Token(verifytest.Claims{
		Subject: "ada", Scope: "read", Extra: map[string]any{"tenant": "t"},
	}), ".")[1]
	claims := map[string]json.RawMessage{}
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err == nil {
		err = json.Unmarshal(text, &claims)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	delete(claims, name)
	if value != "" {
		claims[name] = json.RawMessage(value)
	}
	text, err = json.Marshal(claims)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}

// token signs with the EdDSA key.
func (f *forger) token(header, payload string) string {
	return f.issuer.Sign(verifytest.EdDSA, header, payload)
}

// mustRefuse checks that a token is refused like one with an invalid signature,
// by an error that has nothing of the token.
func (f *forger) mustRefuse(what, token string) {
	f.t.Helper()
	claims, err := f.v.Verify(f.t.Context(), token)
	if claims != nil || !errors.Is(err, verify.ErrInvalid) || errors.Is(err, verify.ErrUnavailable) {
		f.t.Errorf("%s: %+v, %v; want ErrInvalid", what, claims, err)
		return
	}
	if text := err.Error(); len(text) > 90 || strings.ContainsAny(text, "\"{}[]\r\n\x00") {
		f.t.Errorf("%s: the error is %.200q", what, text)
	}
	if strings.HasPrefix(token, " ") {
		return // a header field may have several spaces there
	}
	// Some have no form that is a token of a header field: that is 400.
	got := answer(f.t, f.handler, "Bearer "+token)
	if got != f.refused && !strings.HasPrefix(got, "HTTP/1.1 400") {
		f.t.Errorf("%s: the response is %q, want %q", what, got, f.refused)
	}
}

// encode returns base64url (RFC 7515 §2).
func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// fetch returns the document at a path of the issuer.
func fetch(t *testing.T, issuer *verifytest.Issuer, path string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, verifytest.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := issuer.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// feedHead returns the signed head of a segment of the feed.
func feedHead(t *testing.T, issuer *verifytest.Issuer) string {
	t.Helper()
	var a revocation.Answer
	if err := json.Unmarshal(fetch(t, issuer, feedPath), &a); err != nil || len(a.Segments) != 1 {
		t.Fatal(a, err)
	}
	return a.Segments[0].Head
}

package web

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/issuertest"
)

// An assertion that another JWT library has made is accepted: its times have
// fractions (RFC 7519 §2), and its header has members that the server ignores
// (RFC 7515 §4).
func TestAssertion_OfOtherLibraries(t *testing.T) {
	f := newFixture(t)
	now := time.Now()
	seconds := float64(now.UnixMicro()) / 1e6
	for name, header := range map[string]map[string]any{
		"Microsoft": {"alg": "ES256", "kid": "robot-1", "typ": "JWT", "x5t": "a1b2"},
		"x5t#S256":  {"alg": "ES256", "kid": "robot-1", "x5t#S256": "a1b2"},
		"x5c":       {"alg": "ES256", "kid": "robot-1", "x5c": []string{"MIIB"}},
		"cty":       {"alg": "ES256", "kid": "robot-1", "cty": "JWT", "typ": "application/jwt"},
	} {
		f.sendAssertion(t, robotKey.sign(header, map[string]any{
			"iss": "robot", "sub": "robot", "aud": issuerID, "jti": rand.Text(), "exp": seconds + 60.5,
			"iat": seconds, "nbf": seconds,
		})).want(t, name, http.StatusOK, "")
	}
}

// A failed client authentication logs the id that the caller claims, the method
// and the reason.
func TestClientAuthentication_FailureIsLogged(t *testing.T) {
	t.Parallel() // it mostly waits
	f := newFixture(t)
	must(t, f.Admin.DisableClient(t.Context(), issuertest.Operator, "other"))
	must(t, f.Registry.Poll(t.Context()))
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	header := func(name string, value any) map[string]any {
		return map[string]any{"alg": "ES256", "kid": "robot-1", name: value}
	}
	claims := func() map[string]any {
		return map[string]any{
			"iss": "robot", "sub": "robot", "aud": issuerID, "jti": rand.Text(), "exp": in(time.Minute),
		}
	}
	asserted := func(assertion string, pairs ...string) []string {
		return append(pairs, "client_assertion_type", assertionType, "client_assertion", assertion)
	}
	changed := func(name string, value any) []string {
		return asserted(robotKey.assertion("robot", map[string]any{name: value}))
	}
	used := robotKey.assertion("robot", nil)
	f.sendAssertion(t, used).want(t, "first use", http.StatusOK, "")
	const assertion, secret = "private_key_jwt", "client_secret"
	forger := signingKey{"robot-1", "ES256", newSigningKey("").private}

	for name, c := range map[string]struct {
		form                   []string
		method, claimed, cause string
	}{
		"expired":    {changed("exp", in(-time.Minute)), assertion, "robot", "expired"},
		"exp a text": {changed("exp", "x"), assertion, "robot", "exp is malformed"},
		"audience":   {changed("aud", api), assertion, "robot", "aud has another recipient"},
		"jku": {
			asserted(robotKey.sign(header("jku", "https://evil.example"), claims())), assertion, "robot",
			"header has a key or the URL of a key",
		},
		"crit": {
			asserted(robotKey.sign(header("crit", []string{"exp"}), claims())), assertion, "robot",
			"header has crit or b64",
		},
		"kid": {
			asserted(newSigningKey("two").assertion("robot", nil)), assertion, "robot",
			"the client has no key of that kid",
		},
		"signature": {asserted(forger.assertion("robot", nil)), assertion, "robot", "signature is invalid"},
		"alg": {
			asserted(robotKey.sign(header("alg", "RS256"), claims())), assertion, "robot",
			"alg differs from the algorithm of the key",
		},
		"replay":  {asserted(used), assertion, "robot", "the assertion has been used before"},
		"unknown": {asserted(robotKey.assertion("nobody", nil)), assertion, "nobody", "there is no client of that id"},
		"another client_id": {
			asserted(robotKey.assertion("robot", nil), "client_id", "web"), assertion, "robot",
			"the client_id is not the subject of the assertion",
		},
		"hostile sub": {
			asserted(robotKey.assertion("a\n\x1b"+strings.Repeat("b", 500), nil)), assertion,
			`a\n\x1b` + strings.Repeat("b", 125) + "...", "sub is malformed",
		},
		"wrong secret": {
			[]string{"client_id", "web", "client_secret", "wrong"},
			secret, "web",
			"the secret is not one of the client's secrets",
		},
		"disabled": {
			[]string{"client_id", "other", "client_secret", f.Secrets["other"]},
			secret, "other",
			"the client is disabled",
		},
		"no credentials": {
			[]string{"client_id", "web"},
			"none", "web",
			"the request has no credentials, and the client is not public",
		},
		"secret and id swapped": {
			[]string{"client_id", f.Secrets["web"], "client_secret", "web"},
			secret, "(hidden: it contains sgs_)",
			"there is no client of that id",
		},
		"malformed client_id": {
			[]string{"client_id", "a\u202eb"}, "", `a\u202eb`, "the request has no valid client_id",
		},
	} {
		f.Logs.Reset()
		f.post(t, "/oauth2/introspect", nil, append(c.form, "token", "x")...).want(t, name, 401, "invalid_client")
		line := f.Logs.Line(t, "http request")
		cause, _ := line["cause"].(string)
		text := func(key string) string { s, _ := line[key].(string); return s }
		if line["level"] != "INFO" || text("claimed") != c.claimed || text("auth_method") != c.method ||
			strings.TrimPrefix(cause, "invalid token: ") != c.cause {
			t.Errorf("%s: logged %v, want %q", name, line, c)
		}
		if n := strings.Count(f.Logs.Text(), "\n"); n != 1 {
			t.Errorf("%s: %d log lines, want 1", name, n)
		}
		for _, private := range []string{"wrong", f.Secrets["web"], f.Secrets["other"], used} {
			if strings.Contains(f.Logs.Text(), private) {
				t.Errorf("%s: the log has %q", name, private)
			}
		}
	}
}

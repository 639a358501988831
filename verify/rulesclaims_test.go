package verify_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// Rule 9: a token that is too long or too complex is refused before it uses 64
// KiB of memory.
func TestRule09_VerifierRejectsLargeTokensWithLittleMemory(t *testing.T) {
	f := newForger(t, verify.Options{})
	header, deep := f.header(verifytest.EdDSA), strings.Repeat("[", 4000)
	for name, token := range map[string]string{
		"10 MiB":            strings.Repeat("A", 10<<20),
		"a million dots":    strings.Repeat(".", 1_000_000),
		"8 KiB and a byte":  f.token(header, strings.Repeat("x", 7000))[:8<<10] + "x",
		"100,000 levels":    f.token(header, `{"a":`+strings.Repeat("[", 100_000)),
		"levels":            f.token(header, `{"a":`+deep),
		"levels, signed":    f.token(header, `{"a":`+deep+strings.Repeat("]", len(deep))+"}"),
		"levels, header":    f.token(`{"typ":`+deep, ""),
		"many claims":       f.token(header, "{"+strings.Repeat(`"a":1,`, 700)+`"b":1}`),
		"no valid segments": strings.Repeat("A", 4000) + "." + strings.Repeat("A", 4000) + ".A",
	} {
		f.mustRefuse(name, token)
		const runs = 20
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			_, _ = f.v.Verify(t.Context(), token)
		}
		runtime.ReadMemStats(&after)
		if got := (after.TotalAlloc - before.TotalAlloc) / runs; got >= 64<<10 {
			t.Errorf("%s: the refusal allocates %d bytes, want less than 64 KiB", name, got)
		}
	}
}

// Rule 10: a JWE is refused without decompression and without key derivation.
func TestRule10_VerifierRejectsJWE(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newForger(t, verify.Options{})
		part := strings.Repeat("A", 1000)
		for _, header := range []string{
			`{"alg":"dir","enc":"A128GCM","zip":"DEF"}`,
			`{"alg":"PBES2-HS256+A128KW","enc":"A128CBC-HS256","p2c":2147483647,"p2s":"AAAA"}`,
			f.headerWith(`"enc":"A128GCM"`), f.headerWith(`"p2c":2147483647`), f.header(verifytest.EdDSA),
		} {
			f.mustRefuse(header, strings.Join([]string{encode(header), part, part, part, part}, "."))
		}
	})
}

// Rule 11: a token of another type is refused, whatever it says. So is the head
// of a segment of the feed.
func TestRule11_VerifierRejectsOtherTypes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newForger(t, verify.Options{})
		kid, _ := f.issuer.Key(verifytest.EdDSA)
		for _, typ := range []string{
			"JWT", "at+JWT", "AT+JWT", "application/at+jwt", "at+jwt ", "logout+jwt", "revocations+jwt", "at", "",
		} {
			header := fmt.Sprintf(`{"typ":%q,"alg":"EdDSA","kid":%q}`, typ, kid)
			f.mustRefuse("typ "+typ, f.token(header, f.payload("", "")))
		}
		f.mustRefuse("no typ", f.token(fmt.Sprintf(`{"alg":"EdDSA","kid":%q}`, kid), f.payload("", "")))
		f.mustRefuse("a refresh token", "sgr1_"+strings.Repeat("A", 80))
		f.mustRefuse("a head", feedHead(t, f.issuer))
	})
}

// Rule 12: aud has the audience of the verifier, and iss is the issuer byte for
// byte.
func TestRule12_VerifierChecksIssuerAndAudience(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newForger(t, verify.Options{})
		for _, iss := range []string{
			verifytest.URL + "/", "https://Issuer.test", "HTTPS://issuer.test", "http://issuer.test", verifytest.URL + ":443",
			" " + verifytest.URL, "https://issuer.test.evil.example", "https://issuer.tes", "",
		} {
			f.mustRefuse("iss "+iss, f.token(f.header(verifytest.EdDSA), f.payload("iss", fmt.Sprintf("%q", iss))))
		}
		own := fmt.Sprintf("%q", verifytest.Audience)
		for _, aud := range []string{
			`"https://other.test"`, `["https://other.test"]`, `"https://api.test/"`, `"https://API.test"`, `"https://api.tes"`,
			`"https://api.test https://other.test"`, "", "null", `""`, "[]", `[` + own + `,1]`, `[[` + own + `]]`,
			`{"a":` + own + `}`,
		} {
			f.mustRefuse("aud "+aud, f.token(f.header(verifytest.EdDSA), f.payload("aud", aud)))
		}
		several := f.token(f.header(verifytest.EdDSA), f.payload("aud", `["https://other.test",`+own+`]`))
		want(t, f.v, "an audience among others", several, nil)
	})
}

// Rule 13: exp, nbf and iat are checked with the leeway, and not more.
func TestRule13_VerifierChecksTimes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newForger(t, verify.Options{Leeway: 5 * time.Second})
		at := func(name string, d time.Duration) string {
			return f.token(f.header(verifytest.EdDSA), f.payload(name, fmt.Sprint(time.Now().Add(d).Unix())))
		}
		for _, name := range []string{"iat", "nbf"} {
			want(t, f.v, name+" within the leeway", at(name, 5*time.Second), nil)
			want(t, f.v, name+" beyond the leeway", at(name, 6*time.Second), verify.ErrNotYet)
		}
		old := f.issuer.Token(verifytest.Claims{ExpiresAt: time.Now().Add(time.Minute)})
		time.Sleep(time.Minute + 5*time.Second - time.Nanosecond)
		want(t, f.v, "exp within the leeway", old, nil)
		time.Sleep(time.Nanosecond)
		want(t, f.v, "exp beyond the leeway", old, verify.ErrExpired)

		for _, name := range []string{"exp", "iat"} {
			for _, value := range []string{
				"", "null", `"1795435200"`, "1795435200.5", "1.7954352e9", "-1", "0", "true", "[1795435200]",
				"253402300800", "18446744073709551616",
			} {
				f.mustRefuse(name+" "+value, f.token(f.header(verifytest.EdDSA), f.payload(name, value)))
			}
		}
	})
}

// Rule 14: a claim that changes what a token means is refused if the verifier
// does not know it, and no claim can pass for another one.
func TestRule14_VerifierRejectsClaimsThatItDoesNotKnow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newForger(t, verify.Options{})
		for _, name := range []string{
			"cnf", "act", "may_act", "azp", "nonce", "scp", "token_type", "authorization_details", "active",
			"Sub", "CNF",
			`x","admin`, "a b", "é", "", "1a", strings.Repeat("a", 129),
		} {
			f.mustRefuse("claim "+name, f.token(f.header(verifytest.EdDSA), f.payload(name, `{"jkt":"x"}`)))
		}
		claims := want(t, f.v, "own claim", f.token(f.header(verifytest.EdDSA), f.payload("roles", `["x\":0,\"admin"]`)), nil)
		var roles []string
		if ok, err := claims.Extra("roles", &roles); !ok || err != nil || len(roles) != 1 || roles[0] != `x":0,"admin` {
			t.Errorf("roles %q, %v, %v", roles, ok, err)
		}
		var text string
		for _, name := range []string{"sub", "iss", "exp", "aud", "sid", "scope"} {
			if ok, _ := claims.Extra(name, &text); ok {
				t.Errorf("Extra returns %s", name)
			}
		}
	})
}

// Rule 15: a token without kid, jti, aud, exp, iat, sub or client_id is not one
// of the issuer.
func TestRule15_VerifierNeedsAllClaimsOfAToken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newForger(t, verify.Options{})
		f.mustRefuse("no kid", f.token(`{"typ":"at+jwt","alg":"EdDSA"}`, f.payload("", "")))
		for _, name := range []string{"jti", "aud", "exp", "iat", "sub", "client_id", "iss"} {
			f.mustRefuse("no "+name, f.token(f.header(verifytest.EdDSA), f.payload(name, "")))
		}
		for _, name := range []string{"jti", "sub", "client_id", "sid", "scope", "acr"} {
			for _, value := range []string{`""`, "1", "null", "[]"} {
				f.mustRefuse(name+" "+value, f.token(f.header(verifytest.EdDSA), f.payload(name, value)))
			}
		}
	})
}

// Rule 16: a JWK Set with a private key or with two keys of one kid is refused
// as a whole and replaces nothing.
func TestRule16_VerifierRejectsInvalidJWKSets(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{})
		token := issuer.Token(verifytest.Claims{ExpiresAt: time.Now().Add(12 * time.Hour)})
		kid, _ := issuer.Key(verifytest.EdDSA)
		issuerSet := string(fetch(t, issuer, keysPath))
		for _, key := range []string{
			`{"kty":"OKP","crv":"Ed25519","x":"AAAA","kid":"` + kid + `"}`, // two keys of one kid
			`{"kty":"OKP","crv":"Ed25519","x":"AAAA","d":"AAAA","kid":"x"}`,
			`{"kty":"RSA","n":"AAAA","e":"AQAB","d":"AAAA","p":"AAAA","kid":"x"}`,
			`{"kty":"oct","k":"AAAA","alg":"HS256","kid":"x"}`,
		} {
			set := strings.TrimSuffix(issuerSet, "]}") + "," + key + "]}"
			network.set(answerWith(keysPath, http.StatusOK, set), nil)
			network.reset()
			failed := v.Stats().KeyErrors
			time.Sleep(10 * time.Minute)
			if len(network.sent(keysPath)) == 0 || v.Stats().KeyErrors == failed {
				t.Errorf("%s: the set was accepted", key)
			}
			want(t, v, key, token, nil)
		}
	})
}

// Rule 22: when a key is compromised, its tokens are refused within a second,
// although the JWK Set of the verifier may be cached for longer. Tokens of the
// new key are accepted.
func TestRule22_VerifierRefusesTokensOfACompromisedKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		issuer := verifytest.New(t, algorithms...)
		v := issuer.Verifier(verify.Options{Revocation: verify.FailClosed(5 * time.Second)})
		var old []string
		for _, algorithm := range algorithms {
			old = append(old, issuer.Token(verifytest.Claims{Subject: "ada", Algorithm: algorithm}))
			want(t, v, algorithm+" before", old[len(old)-1], nil)
		}
		time.Sleep(10 * time.Second)
		issuer.Compromise()
		time.Sleep(time.Second)
		for i, algorithm := range algorithms {
			want(t, v, algorithm+" after", old[i], verify.ErrInvalid)
			want(t, v, "new key", issuer.Token(verifytest.Claims{Subject: "ada", Algorithm: algorithm}), nil)
		}
	})
}

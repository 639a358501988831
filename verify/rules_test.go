package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// Rule 1: a token without an algorithm is refused, with a signature and without
// one.
func TestRule01_VerifierRejectsAlgNone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newForger(t, verify.Options{}, algorithms...)
		for _, algorithm := range algorithms {
			kid, _ := f.issuer.Key(algorithm)
			for _, alg := range []string{`"alg":"none",`, `"alg":"None",`, `"alg":"nONE",`, `"alg":"",`, ``, `"alg":null,`} {
				signed := f.issuer.Sign(algorithm, fmt.Sprintf(`{"typ":"at+jwt",%s"kid":%q}`, alg, kid), f.payload("", ""))
				f.mustRefuse(alg+" signed", signed)
				f.mustRefuse(alg+" unsigned", signed[:strings.LastIndexByte(signed, '.')+1])
			}
		}
	})
}

// Rule 2: a MAC whose secret is a public key is refused.
func TestRule02_VerifierRejectsPublicKeyAsMACKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newForger(t, verify.Options{}, algorithms...)
		for _, algorithm := range algorithms {
			kid, public := f.issuer.Key(algorithm)
			der, err := x509.MarshalPKIXPublicKey(public)
			if err != nil {
				t.Fatal(err)
			}
			secrets := [][]byte{der, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})}
			switch k := public.(type) {
			case *rsa.PublicKey:
				secrets = append(secrets, k.N.Bytes())
			case ed25519.PublicKey:
				secrets = append(secrets, k)
			}
			for n, secret := range secrets {
				for _, alg := range []string{"HS256", algorithm} {
					input := encode(fmt.Sprintf(`{"typ":"at+jwt","alg":%q,"kid":%q}`, alg, kid)) + "." + encode(f.payload("", ""))
					mac := hmac.New(sha256.New, secret)
					mac.Write([]byte(input))
					forged := input + "." + encode(string(mac.Sum(nil)))
					f.mustRefuse(fmt.Sprintf("%s, secret %d, alg %s", algorithm, n, alg), forged)
				}
			}
		}
	})
}

// Rule 3: the key determines the algorithm.
func TestRule03_VerifierRejectsAlgOfAnotherKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newForger(t, verify.Options{}, algorithms...)
		for _, signer := range algorithms {
			for _, named := range algorithms {
				if signer == named {
					continue
				}
				kid, _ := f.issuer.Key(named)
				for _, alg := range []string{signer, named} {
					header := fmt.Sprintf(`{"typ":"at+jwt","alg":%q,"kid":%q}`, alg, kid)
					f.mustRefuse(signer+" signs "+header, f.issuer.Sign(signer, header, f.payload("", "")))
				}
			}
		}
	})
}

// Rule 4: a hostile kid reaches neither an address nor the log as it is, and
// all of them together cause one fetch of the JWK Set in ten seconds.
func TestRule04_VerifierRejectsHostileKid(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var logs bytes.Buffer
		network := new(link)
		f := newForger(t, verify.Options{
			HTTP: &http.Client{Transport: network}, Log: slog.New(slog.NewTextHandler(&logs, nil)),
		})
		network.reset()
		began := time.Now()
		for _, kid := range []string{
			`"../../etc/passwd"`, `"' OR 1=1--"`, `"|sleep 5"`, `"https://evil.example/"`, `"\u0000"`, `""`, `" "`,
			`"\r\nlevel=ERROR msg=forged"`, `"` + strings.Repeat("A", 64<<10) + `"`, `"` + strings.Repeat("A", 5000) + `"`,
			`1`, `["x"]`, `{"x":"x"}`, `null`, `true`, `"x","kid":"x"`,
		} {
			f.mustRefuse("kid "+kid[:min(40, len(kid))], f.token(`{"typ":"at+jwt","alg":"EdDSA","kid":`+kid+`}`, f.payload("", "")))
		}
		most := 1 + int(time.Since(began)/(10*time.Second))
		if got := len(network.sent(keysPath)); got > most || got != len(network.requests) {
			t.Errorf("%d fetches of the JWK Set, %d requests; want at most %d", got, len(network.requests), most)
		}
		if strings.Contains(logs.String(), "forged") {
			t.Errorf("the log has a kid: %s", &logs)
		}
	})
}

// Rule 5: a token is never the source of the key that verifies it, and no
// connection is opened for one. The first connection that the listener accepts
// is that of the test itself.
func TestRule05_VerifierIgnoresKeysAndKeyURLs(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	f := newForger(t, verify.Options{})
	_, public := f.issuer.Key(verifytest.EdDSA)
	jwk := `{"kty":"OKP","crv":"Ed25519","x":"` + encode(string(public.(ed25519.PublicKey))) + `"}`
	address := "http://" + listener.Addr().String()
	for _, member := range []string{
		`"jku":"` + address + `/jwks.json"`, `"x5u":"` + address + `"`, `"jwk":` + jwk, `"x5c":["` + address + `"]`,
		`"x5t":"a"`, `"x5t#S256":"a"`, `"iss":"` + address + `"`,
	} {
		f.mustRefuse(member, f.token(f.headerWith(member), f.payload("", "")))
		f.mustRefuse(member+" and no kid", f.token(`{"typ":"at+jwt","alg":"EdDSA",`+member+`}`, f.payload("", "")))
	}
	f.mustRefuse("iss of the listener", f.token(f.header(verifytest.EdDSA), f.payload("iss", `"`+address+`"`)))

	own, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	first, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if first.RemoteAddr().String() != own.LocalAddr().String() {
		t.Error("the verifier opened a connection")
	}
}

// Rule 6: crit, b64 and all other members of the header are refused.
func TestRule06_VerifierRejectsCrit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newForger(t, verify.Options{})
		for _, member := range []string{
			`"crit":["exp"],"exp":1`, `"crit":[]`, `"crit":null`, `"crit":["b64"],"b64":false`, `"b64":false`, `"b64":true`,
			`"cty":"JWT"`, `"zip":"DEF"`,
		} {
			f.mustRefuse(member, f.token(f.headerWith(member), f.payload("", "")))
		}
	})
}

// Rule 7: JSON that two parsers may read differently is refused, in the header
// and in the claims.
func TestRule07_VerifierRejectsAmbiguousJSON(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newForger(t, verify.Options{})
		good := f.payload("", "")
		for name, edit := range map[string]func(string) string{
			"trailing bytes": func(s string) string { return s + "x" },
			"a line after":   func(s string) string { return s + "\n" },
			"a second one":   func(s string) string { return s + "{}" },
			"a space before": func(s string) string { return " " + s },
			"a BOM":          func(s string) string { return "\ufeff" + s },
			"not UTF-8":      func(s string) string { return s[:len(s)-1] + ",\"u\":\"\xff\"}" },
			"a surrogate":    func(s string) string { return s[:len(s)-1] + `,"u":"\ud800"}` },
			"cut":            func(s string) string { return s[:len(s)-1] },
			"empty":          func(string) string { return "" },
			"null":           func(string) string { return "null" },
			"an array":       func(s string) string { return "[" + s + "]" },
		} {
			f.mustRefuse(name+" in the header", f.token(edit(f.header(verifytest.EdDSA)), good))
			f.mustRefuse(name+" in the claims", f.token(f.header(verifytest.EdDSA), edit(good)))
		}
		for _, member := range []string{
			`"exp":9999999999`, `"\u0065xp":9999999999`, `"Exp":9999999999`, `"EXP":1`, `"Sub":"eve"`, `"\u017fub":"eve"`,
			`"tenant":"other"`, `"aud":"x"`,
		} {
			for _, payload := range []string{good[:len(good)-1] + "," + member + "}", "{" + member + "," + good[1:]} {
				f.mustRefuse(member, f.token(f.header(verifytest.EdDSA), payload))
			}
		}
		for _, member := range []string{`"alg":"EdDSA"`, `"typ":"at+jwt"`, `"\u0061lg":"none"`, `"Alg":"none"`, `"KID":"x"`} {
			f.mustRefuse(member, f.token(f.headerWith(member), good))
		}
	})
}

// Rule 8: a token has one string form.
func TestRule08_VerifierRejectsOtherForms(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		f := newForger(t, verify.Options{}, algorithms...)
		for _, algorithm := range algorithms {
			valid := f.issuer.Token(verifytest.Claims{Algorithm: algorithm})
			want(t, f.v, algorithm, valid, nil)
			cut := strings.LastIndexByte(valid, '.')
			for i := cut + 1; i < len(valid); i++ { // the lowest bit, which may be one that is not used
				other := alphabet[strings.IndexByte(alphabet, valid[i])^1]
				f.mustRefuse(fmt.Sprintf("%s, changed at %d", algorithm, i), valid[:i]+string(other)+valid[i+1:])
			}
			parts := strings.Split(valid, ".")
			object := fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2])
			for name, token := range map[string]string{
				"padding":            valid + "=",
				"padding inside":     parts[0] + "=." + parts[1] + "." + parts[2],
				"a space before":     " " + valid,
				"a line after":       valid + "\n",
				"a line inside":      valid[:10] + "\n" + valid[10:],
				"two parts":          parts[0] + "." + parts[1],
				"four parts":         valid + "." + parts[2],
				"a dot after":        valid + ".",
				"JSON":               object,
				"an empty signature": parts[0] + "." + parts[1] + ".",
				"empty":              "",
				"the scheme":         "Bearer " + valid,
				"+ and /":            strings.NewReplacer("-", "+", "_", "/").Replace(valid) + "+",
			} {
				f.mustRefuse(algorithm+", "+name, token)
			}
		}
	})
}

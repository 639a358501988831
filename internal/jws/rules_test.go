package jws

import (
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"strings"
	"testing"
)

// Rule 01: a token without an algorithm is rejected, with a signature and
// without one.
func TestRule01_RejectsAlgNone(t *testing.T) {
	for _, p := range pairs() {
		for _, alg := range []string{
			`"alg":"none",`, `"alg":"None",`, `"alg":"nONE",`, `"alg":"NONE",`, `"alg":"",`, ``, `"alg":null,`,
			`"alg":["none"],`, `"alg":0,`,
		} {
			header := fmt.Sprintf(`{"typ":"at+jwt",%s"kid":%q}`, alg, p.algorithm)
			signed := p.token(header, `{"sub":"alice"}`)
			mustReject(t, header+" signed", signed, ring)
			mustReject(t, header+" unsigned", signed[:strings.LastIndexByte(signed, '.')+1], ring)
		}
	}
	// Verify rejects alg none even if the find function returns it.
	none := pairOf(edDSA).token(`{"alg":"none","kid":"x"}`, "x")
	mustReject(t, "find returns none", none, func(string) (string, crypto.PublicKey, bool) { return "none", nil, true })
}

// Rule 02: a MAC that is made with a public key as its secret is rejected.
func TestRule02_RejectsPublicKeyAsMACKey(t *testing.T) {
	for _, p := range pairs() {
		der, err := x509.MarshalPKIXPublicKey(p.private.Public())
		if err != nil {
			t.Fatal(err)
		}
		secrets := map[string][]byte{
			"DER": der,
			"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		}
		switch k := p.private.Public().(type) {
		case *rsa.PublicKey:
			secrets["JWK n"] = k.N.Bytes()
			secrets["PKCS #1"] = x509.MarshalPKCS1PublicKey(k)
		case ed25519.PublicKey:
			secrets["JWK x"] = k
		}
		for name, secret := range secrets {
			for _, alg := range []string{"HS256", "hs256", p.algorithm} {
				header := fmt.Sprintf(`{"typ":"at+jwt","alg":%q,"kid":%q}`, alg, p.algorithm)
				input := encode(header) + "." + encode(`{"sub":"alice"}`)
				mac := hmac.New(sha256.New, secret)
				mac.Write([]byte(input))
				forged := input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
				mustReject(t, fmt.Sprintf("%s of the %s key, alg %s", name, p.algorithm, alg), forged, ring)
				symmetric := func(string) (string, crypto.PublicKey, bool) { return alg, secret, true }
				mustReject(t, "find returns a symmetric key", forged, symmetric)
			}
		}
	}
}

// Rule 03: the key determines the algorithm, so a token with the algorithm of
// another key is rejected.
func TestRule03_RejectsAlgOfAnotherKey(t *testing.T) {
	tried := 0
	for _, signer := range pairs() {
		for _, named := range pairs() {
			if signer.algorithm == named.algorithm {
				continue
			}
			for _, alg := range []string{signer.algorithm, named.algorithm} {
				header := fmt.Sprintf(`{"typ":"at+jwt","alg":%q,"kid":%q}`, alg, named.algorithm)
				mustReject(t, signer.algorithm+" signs "+header, signer.token(header, "x"), ring)
				tried++
			}
			// The find function returns an algorithm that the type of the key
			// does not support.
			token := signer.token(fmt.Sprintf(`{"alg":%q,"kid":"x"}`, named.algorithm), "x")
			mustReject(t, "find returns another algorithm", token, func(string) (string, crypto.PublicKey, bool) {
				return named.algorithm, signer.private.Public(), true
			})
		}
	}
	if tried != 12 {
		t.Errorf("tried %d combinations, want 12", tried)
	}
}

// Rule 04: a hostile kid is rejected, and Verify passes it to find unchanged or
// not at all.
func TestRule04_RejectsHostileKid(t *testing.T) {
	p := pairOf(edDSA)
	for _, c := range []struct {
		kid  string // JSON
		want string // the kid that find gets; empty if Verify does not call it
	}{
		{`"../../etc/passwd"`, "../../etc/passwd"},
		{`"' OR 1=1--"`, "' OR 1=1--"},
		{`"|sleep 5"`, "|sleep 5"},
		{`"EdDSA\u0000"`, "EdDSA\x00"},
		{`"\r\nlevel=error msg=forged"`, "\r\nlevel=error msg=forged"},
		{`" EdDSA"`, " EdDSA"},
		{`"eddsa"`, "eddsa"},
		{`""`, ""},
		{`"` + strings.Repeat("A", 64<<10) + `"`, ""},
		{`1`, ""},
		{`["EdDSA"]`, ""},
		{`{"EdDSA":"EdDSA"}`, ""},
		{`null`, ""},
		{`true`, ""},
		{`"EdDSA","kid":"EdDSA"`, ""},
	} {
		var asked []string
		token := p.token(`{"typ":"at+jwt","alg":"EdDSA","kid":`+c.kid+`}`, "x")
		mustReject(t, fmt.Sprintf("kid %.40s", c.kid), token, func(kid string) (string, crypto.PublicKey, bool) {
			asked = append(asked, kid)
			return ring(kid)
		})
		if c.want == "" && len(asked) != 0 || c.want != "" && (len(asked) != 1 || asked[0] != c.want) {
			t.Errorf("kid %.40s: find was called with %.80q", c.kid, asked)
		}
	}
	mustReject(t, "no kid", p.token(`{"typ":"at+jwt","alg":"EdDSA"}`, "x"), noKeys(t))
}

// Rule 05: a token with a key or with the URL of a key is rejected, and Verify
// opens no connection.
//
// The listener accepts connections in order. If the first one is the connection
// of the test itself, the tokens caused none.
func TestRule05_RejectsKeysAndKeyURLs(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	p := pairOf(edDSA)
	public := base64.RawURLEncoding.EncodeToString(p.private.Public().(ed25519.PublicKey))
	for _, member := range []string{
		`"jku":"http://` + listener.Addr().String() + `/jwks.json"`,
		`"x5u":"http://` + listener.Addr().String() + `/cert.pem"`,
		`"jwk":{"kty":"OKP","crv":"Ed25519","x":"` + public + `"}`,
		`"jwk":{"kty":"OKP","crv":"Ed25519","x":"` + public + `","x5u":"http://` + listener.Addr().String() + `/"}`,
		`"x5c":["http://` + listener.Addr().String() + `/"]`,
		`"x5t":"` + public + `"`,
		`"x5t#S256":"` + public + `"`,
		`"iss":"http://` + listener.Addr().String() + `"`,
	} {
		mustReject(t, member, p.token(`{"typ":"at+jwt","alg":"EdDSA","kid":"EdDSA",`+member+`}`, "x"), noKeys(t))
		mustReject(t, member+" and no kid", p.token(`{"typ":"at+jwt","alg":"EdDSA",`+member+`}`, "x"), noKeys(t))
	}
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
		t.Error("Verify opened a connection")
	}
}

// Rule 06: crit, b64 and all other header members are rejected.
func TestRule06_RejectsCrit(t *testing.T) {
	p := pairOf(edDSA)
	for _, member := range []string{
		`"crit":["exp"],"exp":1`, `"crit":["x"],"x":"y"`, `"crit":[]`, `"crit":null`, `"crit":"kid"`, `"crit":["kid"]`,
		`"b64":false`, `"b64":true`, `"crit":["b64"],"b64":false`, `"crit":["b64"],"b64":true`, `"cty":"JWT"`,
		`"zip":"DEF"`,
	} {
		mustReject(t, member, p.token(`{"typ":"at+jwt","alg":"EdDSA","kid":"EdDSA",`+member+`}`, "x"), noKeys(t))
		first := `{` + member + `,"typ":"at+jwt","alg":"EdDSA","kid":"EdDSA"}`
		mustReject(t, member+" first", p.token(first, "x"), noKeys(t))
	}
}

// Rule 07: a header that two parsers may interpret differently is rejected.
func TestRule07_RejectsAmbiguousHeader(t *testing.T) {
	p := pairOf(edDSA)
	const valid = `"alg":"EdDSA","kid":"EdDSA"`
	if _, err := Verify(p.token(`{`+valid+`}`, "x"), ring); err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{
		`{` + valid + `,"alg":"EdDSA"}`, `{` + valid + `,"kid":"EdDSA"}`, `{"typ":"JWT",` + valid + `,"typ":"at+jwt"}`,
		`{` + valid + `,"\u0061lg":"none"}`, `{` + valid + `,"Alg":"none"}`, `{` + valid + `,"ALG":"none"}`,
		`{` + valid + `,"Kid":"x"}`,
		`{` + valid + `,"TYP":"JWT"}`, `{"Alg":"EdDSA","kid":"EdDSA"}`, `{"alg":"EdDSA","Kid":"EdDSA"}`,
		`{` + valid + `,"\u212aid":"x"}`,
		`{` + valid + `}{}`, `{` + valid + `} `, `{` + valid + "}\n", `{` + valid + "}\x00", ` {` + valid + `}`,
		"\ufeff{" + valid + `}`,
		`{` + valid + `,}`, `{` + valid, valid, `[` + valid + `]`, `["alg"]`, `"alg"`, `null`, ``, `{}`,
		`{` + valid + `,"typ":1}`, `{` + valid + `,"typ":null}`,
		`{` + valid + ",\"typ\":\"\xff\"}", `{` + valid + ",\"\xc0\xaf\":\"\"}",
		`{` + valid + ",\"typ\":\"\xed\xa0\x80\"}",
		`{` + valid + `,"typ":"\ud800"}`, `{` + valid + `,"typ":"\udc00\ud800"}`, `{` + valid + ",\"typ\":\"a\nb\"}",
		`{` + valid + `,"typ":"\x61"}`,
		`{` + valid + `,'typ':"x"}`, `{` + valid + `/**/}`, `{alg:"EdDSA","kid":"EdDSA"}`,
	} {
		mustReject(t, fmt.Sprintf("%q", header), p.token(header, "x"), noKeys(t))
	}
}

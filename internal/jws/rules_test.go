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

func TestRule01_AlgNone(t *testing.T) {
	for _, p := range pairs() {
		for _, alg := range []string{
			`"alg":"none",`, `"alg":"None",`, `"alg":"nONE",`, `"alg":"NONE",`, `"alg":"",`, ``, `"alg":null,`, `"alg":["none"],`, `"alg":0,`,
		} {
			header := fmt.Sprintf(`{"typ":"at+jwt",%s"kid":%q}`, alg, p.algorithm)
			signed := p.token(header, `{"sub":"alice"}`)
			mustRefuse(t, header+" signed", signed, ring)
			mustRefuse(t, header+" unsigned", signed[:strings.LastIndexByte(signed, '.')+1], ring)
		}
	}
	// Not even a ring that says so makes it an algorithm.
	none := pairOf(edDSA).token(`{"alg":"none","kid":"x"}`, "x")
	mustRefuse(t, "a ring that says none", none, func(string) (string, crypto.PublicKey, bool) { return "none", nil, true })
}

func TestRule02_PublicKeyAsMACKey(t *testing.T) {
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
				input := encode(fmt.Sprintf(`{"typ":"at+jwt","alg":%q,"kid":%q}`, alg, p.algorithm)) + "." + encode(`{"sub":"alice"}`)
				mac := hmac.New(sha256.New, secret)
				mac.Write([]byte(input))
				forged := input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
				mustRefuse(t, fmt.Sprintf("%s of the %s key, alg %s", name, p.algorithm, alg), forged, ring)
				symmetric := func(string) (string, crypto.PublicKey, bool) { return alg, secret, true }
				mustRefuse(t, "a ring with a symmetric key", forged, symmetric)
			}
		}
	}
}

func TestRule03_AlgOfAnotherKey(t *testing.T) {
	tried := 0
	for _, signer := range pairs() {
		for _, named := range pairs() {
			if signer.algorithm == named.algorithm {
				continue
			}
			for _, alg := range []string{signer.algorithm, named.algorithm} {
				header := fmt.Sprintf(`{"typ":"at+jwt","alg":%q,"kid":%q}`, alg, named.algorithm)
				mustRefuse(t, signer.algorithm+" says "+header, signer.token(header, "x"), ring)
				tried++
			}
			// A ring that is wrong about its key: the key decides, too.
			token := signer.token(fmt.Sprintf(`{"alg":%q,"kid":"x"}`, named.algorithm), "x")
			mustRefuse(t, "a ring that is wrong", token, func(string) (string, crypto.PublicKey, bool) {
				return named.algorithm, signer.private.Public(), true
			})
		}
	}
	if tried != 12 {
		t.Errorf("tried %d combinations", tried)
	}
}

func TestRule04_HostileKid(t *testing.T) {
	p := pairOf(edDSA)
	for _, c := range []struct {
		kid  string // JSON
		want string // what the ring is asked for; empty for nothing
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
		mustRefuse(t, fmt.Sprintf("kid %.40s", c.kid), token, func(kid string) (string, crypto.PublicKey, bool) {
			asked = append(asked, kid)
			return ring(kid)
		})
		if c.want == "" && len(asked) != 0 || c.want != "" && (len(asked) != 1 || asked[0] != c.want) {
			t.Errorf("kid %.40s: the ring was asked for %.80q", c.kid, asked)
		}
	}
	mustRefuse(t, "no kid", p.token(`{"typ":"at+jwt","alg":"EdDSA"}`, "x"), noKeys(t))
}

// The listener's queue of connections is in order: if the first that it hands out is our own, the tokens opened none.
func TestRule05_KeysToFetch(t *testing.T) {
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
		mustRefuse(t, member, p.token(`{"typ":"at+jwt","alg":"EdDSA","kid":"EdDSA",`+member+`}`, "x"), noKeys(t))
		mustRefuse(t, member+" and no kid", p.token(`{"typ":"at+jwt","alg":"EdDSA",`+member+`}`, "x"), noKeys(t))
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
		t.Error("a token made us open a connection")
	}
}

func TestRule06_Crit(t *testing.T) {
	p := pairOf(edDSA)
	for _, member := range []string{
		`"crit":["exp"],"exp":1`, `"crit":["x"],"x":"y"`, `"crit":[]`, `"crit":null`, `"crit":"kid"`, `"crit":["kid"]`,
		`"b64":false`, `"b64":true`, `"crit":["b64"],"b64":false`, `"crit":["b64"],"b64":true`, `"cty":"JWT"`, `"zip":"DEF"`,
	} {
		mustRefuse(t, member, p.token(`{"typ":"at+jwt","alg":"EdDSA","kid":"EdDSA",`+member+`}`, "x"), noKeys(t))
		mustRefuse(t, member+" first", p.token(`{`+member+`,"typ":"at+jwt","alg":"EdDSA","kid":"EdDSA"}`, "x"), noKeys(t))
	}
}

func TestRule07_HeaderReadOneWay(t *testing.T) {
	p := pairOf(edDSA)
	const good = `"alg":"EdDSA","kid":"EdDSA"`
	if _, err := Verify(p.token(`{`+good+`}`, "x"), ring); err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{
		`{` + good + `,"alg":"EdDSA"}`, `{` + good + `,"kid":"EdDSA"}`, `{"typ":"JWT",` + good + `,"typ":"at+jwt"}`,
		`{` + good + `,"\u0061lg":"none"}`, `{` + good + `,"Alg":"none"}`, `{` + good + `,"ALG":"none"}`, `{` + good + `,"Kid":"x"}`,
		`{` + good + `,"TYP":"JWT"}`, `{"Alg":"EdDSA","kid":"EdDSA"}`, `{"alg":"EdDSA","Kid":"EdDSA"}`, `{` + good + `,"\u212aid":"x"}`,
		`{` + good + `}{}`, `{` + good + `} `, `{` + good + "}\n", `{` + good + "}\x00", ` {` + good + `}`, "\ufeff{" + good + `}`,
		`{` + good + `,}`, `{` + good, good, `[` + good + `]`, `["alg"]`, `"alg"`, `null`, ``, `{}`, `{` + good + `,"typ":1}`, `{` + good + `,"typ":null}`,
		`{` + good + ",\"typ\":\"\xff\"}", `{` + good + ",\"\xc0\xaf\":\"\"}", `{` + good + ",\"typ\":\"\xed\xa0\x80\"}",
		`{` + good + `,"typ":"\ud800"}`, `{` + good + `,"typ":"\udc00\ud800"}`, `{` + good + ",\"typ\":\"a\nb\"}", `{` + good + `,"typ":"\x61"}`,
		`{` + good + `,'typ':"x"}`, `{` + good + `/**/}`, `{alg:"EdDSA","kid":"EdDSA"}`,
	} {
		mustRefuse(t, fmt.Sprintf("%q", header), p.token(header, "x"), noKeys(t))
	}
}

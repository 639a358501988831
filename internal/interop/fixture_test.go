package interop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A verifyFixture is an issuer for tests of verifiers. The test has private
// keys of the issuer, so it can sign tokens that the issuer would never sign.
type verifyFixture struct {
	*issuer
	// url is the issuer identifier, and audience that of the verifier.
	url, audience string
	// direct is the URL of the issuer without a proxy, and client gets it.
	direct string
	client *http.Client
	// stop stops the issuer.
	stop func()
	// alg is the algorithm of the audience's tokens.
	alg string
	// cert is the certificate of an https issuer.
	cert *x509.Certificate
	// fetches counts the requests for the JWK Set.
	fetches atomic.Int64

	secret string
	// key is a key of the issuer, and foreign one for another algorithm.
	key, foreign signingKey
	// claims are those of a valid token.
	claims jwt.MapClaims
	// login is a login for two audiences.
	login *signetv1.TokenResponse
}

// A signingKey signs tokens. private is as golang-jwt wants it for alg.
type signingKey struct {
	alg, kid string
	private  any
}

// newVerifyFixture starts an issuer with the audience of the pages, whose
// tokens are signed with alg.
func newVerifyFixture(t *testing.T, alg string) *verifyFixture {
	t.Helper()
	return startVerifyFixture(t, "http", alg, "https://api.example")
}

// startVerifyFixture starts an issuer behind a proxy, over TLS if the scheme is
// https. options are more flags of the audience.
func startVerifyFixture(t *testing.T, scheme, alg, audience string, options ...string) *verifyFixture {
	t.Helper()
	f := &verifyFixture{alg: alg, audience: audience}
	target := &url.URL{Scheme: "http"}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/jwks.json" {
			f.fetches.Add(1)
		}
		proxy.ServeHTTP(w, r)
	}))
	if scheme == "https" {
		front.StartTLS()
		f.cert = front.Certificate()
	} else {
		front.Start()
	}
	t.Cleanup(front.Close)
	f.url = front.URL
	f.issuer = newIssuer(t, map[string]string{
		"SIGNET_ISSUER": f.url, "SIGNET_KEYS_POLL_INTERVAL": "1s",
	})
	target.Host = f.http
	f.direct, f.client = "http://"+f.http, http.DefaultClient
	f.start(t, options...)
	return f
}

// start starts the issuer, with the audiences, a client and a user. options are
// more flags of the audience.
func (f *verifyFixture) start(t *testing.T, options ...string) {
	t.Helper()
	const password = "a long and secret phrase"
	f.foreign.alg = map[string]string{"RS256": "ES256", "ES256": "RS256", "EdDSA": "ES256"}[f.alg]
	f.run(t, "", nil, "migrate")
	f.run(t, "", nil, append([]string{"audiences", "create", f.audience, "--alg", f.alg}, options...)...)
	f.run(t, "", nil, "audiences", "create", "https://second.example", "--alg", f.alg)
	f.run(t, "", nil, "audiences", "create", "https://foreign.example", "--alg", f.foreign.alg)
	var client struct {
		Secret string `json:"client_secret"`
	}
	f.run(t, "", &client, "clients", "create", "gateway", "--audience", f.audience,
		"--audience", "https://second.example", "--audience", "https://foreign.example")
	f.secret = client.Secret
	f.run(t, password+"\n", nil, "users", "create", "ada", "--claim", "groups=dev")
	f.stop = f.serve(t)

	f.key, f.foreign = f.importKey(t, f.alg), f.importKey(t, f.foreign.alg)
	f.rotate(t)
	f.claims = jwt.MapClaims{}
	header := parseToken(t, f.mint(t), f.claims)
	f.key.kid = header["kid"].(string)
	login, err := call(t, f.issuer, "gateway", f.secret, signetv1.TokenServiceClient.Login, &signetv1.LoginRequest{
		Username: "ada", Password: password, Audience: []string{"https://second.example", f.audience},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.login = login
}

// importKey creates a key and imports it as the issuer's next key.
func (f *verifyFixture) importKey(t *testing.T, alg string) signingKey {
	t.Helper()
	private := newPrivateKey(t, alg)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	f.run(t, "", nil, "keys", "--import", file)
	return signingKey{alg: alg, private: private}
}

func newPrivateKey(t *testing.T, alg string) (private crypto.Signer) {
	t.Helper()
	var err error
	switch alg {
	case "RS256":
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// rotate lets the next key sign, and waits until it does and the key after it
// is in the JWK Set.
func (f *verifyFixture) rotate(t *testing.T) {
	t.Helper()
	kid := func() any { return parseToken(t, f.mint(t), jwt.MapClaims{})["kid"] }
	last, keys := kid(), len(f.keySet(t))
	f.run(t, "", nil, "keys", "--rotate", "--now", "--alg", f.alg)
	for begin := time.Now(); kid() == last || len(f.keySet(t)) == keys; time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > patience {
			t.Fatal("the next key does not sign")
		}
	}
}

// keySet returns the keys of the JWK Set. The request does not count.
func (f *verifyFixture) keySet(t *testing.T) []jose.JSONWebKey {
	t.Helper()
	response, err := f.client.Get(f.direct + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		t.Fatal(err)
	}
	return set.Keys
}

// mint returns a token of the client, signed with the current key. On a busy
// machine, the issuer may say that it cannot answer at the moment.
func (f *verifyFixture) mint(t *testing.T) string {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		response, err := call(t, f.issuer, "gateway", f.secret, signetv1.TokenServiceClient.Mint, &signetv1.MintRequest{
			Audience: []string{f.audience},
		})
		if err == nil {
			return response.GetTokens()[0].GetAccessToken()
		}
		if status.Code(err) != codes.Unavailable || time.Since(begin) > patience {
			t.Fatal(err)
		}
	}
}

// revoke revokes an access token of the client.
func (f *verifyFixture) revoke(t *testing.T, token string) {
	t.Helper()
	if _, err := call(t, f.issuer, "gateway", f.secret, signetv1.TokenServiceClient.Revoke,
		&signetv1.RevokeRequest{Token: token}); err != nil {
		t.Fatal(err)
	}
}

// sign returns a token with the header and the claims of a valid token, and
// these changes. A nil value removes a member.
func (f *verifyFixture) sign(t *testing.T, key signingKey, header, claims map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.GetSigningMethod(key.alg), maps.Clone(f.claims))
	token.Header["typ"], token.Header["kid"] = "at+jwt", key.kid
	change(token.Header, header)
	change(token.Claims.(jwt.MapClaims), claims)
	for {
		signed, err := token.SignedString(key.private)
		if err != nil {
			t.Fatal(err)
		}
		if key.alg != "ES256" || canonical(t, signed) {
			return signed
		}
	}
}

// canonical reports whether the second half of a token's ES256 signature is the
// smaller one of two numbers that are valid. The issuer signs with it, and
// accepts no other.
func canonical(t *testing.T, token string) bool {
	t.Helper()
	signature, err := base64.RawURLEncoding.DecodeString(token[strings.LastIndexByte(token, '.')+1:])
	if err != nil {
		t.Fatal(err)
	}
	half := new(big.Int).Rsh(elliptic.P256().Params().N, 1)
	return new(big.Int).SetBytes(signature[32:]).Cmp(half) <= 0
}

func change(object, changes map[string]any) {
	for name, value := range changes {
		object[name] = value
		if value == nil {
			delete(object, name)
		}
	}
}

// parseToken reads the claims of a token and returns its header.
func parseToken(t *testing.T, token string, claims jwt.MapClaims) map[string]any {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(token, claims)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Header
}

package issuer_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"testing"
	"time"

	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
)

// signElsewhere returns an access token of the previous issuer, which had the
// same issuer identifier.
func signElsewhere(t *testing.T, private *rsa.PrivateKey, kid string) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	input := encode(fmt.Appendf(nil, `{"typ":"at+jwt","alg":"RS256","kid":%q}`, kid)) + "." + encode(fmt.Appendf(nil,
		`{"iss":%q,"sub":"auth0|1","aud":%q,"client_id":"gateway","iat":%d,"exp":%d,"jti":"of-elsewhere"}`,
		identifier, api, time.Now().Unix(), time.Now().Add(time.Minute).Unix()))
	digest := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:])
	must(t, err)
	return input + "." + encode(signature)
}

// The tokens of the previous issuer stay valid after its key was imported with
// its kid: they verify and are active, before and after the rotation to that
// key, and until the key is compromised.
func TestIntrospect_TokenOfAnImportedKey(t *testing.T) {
	f := newFixture(t)
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	file := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	const kid = "elsewhere/2024#1"
	old := signElsewhere(t, private, kid)
	if f.active(t, old) {
		t.Fatal("active before the import")
	}

	_, err = f.Keys.Operator().Import(t.Context(), operator, file, kid)
	must(t, err)
	if access := f.read(t, old); access.Subject != "auth0|1" || access.KeyID != kid {
		t.Errorf("the token is %+v", access)
	}
	if !f.active(t, old) {
		t.Error("not active after the import")
	}
	_, err = f.Keys.Operator().Rotate(t.Context(), operator, []string{keys.RS256}, keys.RotateOptions{Now: true})
	must(t, err)
	own := f.mintOwn(t, f.Caller, "").AccessToken
	if access := f.read(t, own); access.KeyID != kid {
		t.Errorf("the key %s signs", access.KeyID)
	}
	if !f.active(t, old) || !f.active(t, own) {
		t.Error("not active after the rotation")
	}

	f.Compromise(t, kid)
	if f.active(t, old) || f.active(t, own) {
		t.Error("active after the compromise")
	}
	verifier := token.Verifier{Issuer: identifier, Keys: f.Keys, Now: time.Now}
	if _, err := verifier.Access(t.Context(), old); err == nil {
		t.Error("the token verifies after the compromise")
	}
}

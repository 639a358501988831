package verifytest

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/revocation"
)

// An Issuer issues access tokens and revokes them. Its methods can be called
// from any goroutine. A method that is used in a wrong way fails the test.
type Issuer struct {
	t      testing.TB
	server server
}

// New returns an issuer with one key for each of the algorithms. Without
// algorithms, it has a key for EdDSA.
func New(t testing.TB, algorithms ...string) *Issuer {
	t.Helper()
	if len(algorithms) == 0 {
		algorithms = []string{EdDSA}
	}
	i := &Issuer{t: t, server: server{ring: ring{algorithms: algorithms}}}
	i.Rotate()
	return i
}

// RoundTrip answers a request to the issuer. It implements http.RoundTripper:
// http.Client{Transport: i} is the client for a verifier that the test makes
// itself.
func (i *Issuer) RoundTrip(r *http.Request) (*http.Response, error) { return i.server.roundTrip(r) }

// Token returns a signed access token.
func (i *Issuer) Token(c Claims) string {
	i.t.Helper()
	i.server.mu.Lock()
	defer i.server.mu.Unlock()
	log, now := &i.server.log, time.Now()
	minted := c.IssuedAt.UnixMicro()
	if c.IssuedAt.IsZero() {
		minted = log.moment()
	} else {
		log.reached(minted)
	}
	c = c.withDefaults(now)
	i.server.lifetime = max(i.server.lifetime, c.ExpiresAt.Sub(c.IssuedAt))

	payload, err := c.payload(minted)
	if err != nil {
		i.t.Fatalf("an issuer signs no token with the claims %+v: %v", c, err)
	}
	k := i.signer(c.Algorithm)
	return i.sign(k, k.header("at+jwt"), payload)
}

// Sign signs any header and payload with the current key of the algorithm, and
// returns a compact JWS. It is for tests with malformed tokens.
func (i *Issuer) Sign(algorithm, header, payload string) string {
	i.t.Helper()
	i.server.mu.Lock()
	defer i.server.mu.Unlock()
	return i.sign(i.signer(algorithm), []byte(header), []byte(payload))
}

// Key returns the current key of the algorithm.
func (i *Issuer) Key(algorithm string) (kid string, public crypto.PublicKey) {
	i.t.Helper()
	i.server.mu.Lock()
	defer i.server.mu.Unlock()
	k := i.signer(algorithm)
	return k.id, k.private.Public()
}

// Rotate makes a new key for each algorithm, which signs from now on. The old
// keys stay in the JWK Set.
func (i *Issuer) Rotate() {
	i.t.Helper()
	i.server.change(i.addKeys)
}

// Compromise makes a new key for each algorithm, as after a theft of the
// current keys: they leave the JWK Set, and their tokens are revoked.
func (i *Issuer) Compromise() {
	i.t.Helper()
	i.server.change(func() {
		var hashes []revocation.Hash
		for _, algorithm := range i.server.ring.algorithms {
			k := i.signer(algorithm)
			hashes = append(hashes, revocation.Key.Hash(k.id))
			i.server.ring.remove(k)
		}
		i.addKeys()
		i.server.log.add(hashes...)
	})
}

// Revoke revokes a token, with all other tokens of its session if it has one.
func (i *Issuer) Revoke(token string) {
	i.t.Helper()
	sid, jti := ids(i.t, token)
	if sid != "" {
		i.revoke(revocation.Grant.Hash(sid))
		return
	}
	i.revoke(revocation.Token.Hash(jti))
}

// RevokeSubject revokes all tokens of a user that were issued so far, as when
// the user logs out everywhere. The sessions of the tokens in keep go on.
func (i *Issuer) RevokeSubject(subject string, keep ...string) {
	i.t.Helper()
	i.revoke(append(i.exempt(keep), revocation.Subject.Hash(subject))...)
}

// RevokeSubjectAtClient revokes all tokens of a user that were issued to one
// client so far. The sessions of the tokens in keep go on.
func (i *Issuer) RevokeSubjectAtClient(subject, clientID string, keep ...string) {
	i.t.Helper()
	i.revoke(append(i.exempt(keep), revocation.HashSubjectAtClient(subject, clientID))...)
}

// RevokeClient revokes all tokens that were issued to a client so far.
func (i *Issuer) RevokeClient(clientID string) { i.revoke(revocation.Client.Hash(clientID)) }

// RevokeAudience revokes all tokens that were issued for an audience so far.
func (i *Issuer) RevokeAudience(audience string) { i.revoke(revocation.Audience.Hash(audience)) }

// RevokeAll revokes all tokens that were issued so far.
func (i *Issuer) RevokeAll() { i.revoke(revocation.All.Hash(URL)) }

// Cut makes the issuer unreachable: all requests fail, also those that wait.
func (i *Issuer) Cut() { i.server.change(func() { i.server.cut = true }) }

// Mend makes the issuer reachable again.
func (i *Issuer) Mend() { i.server.change(func() { i.server.cut = false }) }

func (i *Issuer) revoke(hashes ...revocation.Hash) {
	i.server.change(func() { i.server.log.add(hashes...) })
}

// exempt returns the entries that exempt the sessions of the tokens.
func (i *Issuer) exempt(keep []string) []revocation.Hash {
	i.t.Helper()
	var hashes []revocation.Hash
	for _, token := range keep {
		sid, _ := ids(i.t, token)
		if sid == "" {
			i.t.Fatal("a token without a session cannot be kept")
		}
		hashes = append(hashes, revocation.Exempt.Hash(sid))
	}
	return hashes
}

// ids returns the sid and the jti of a token.
func ids(t testing.TB, token string) (sid, jti string) {
	t.Helper()
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	var claims struct{ SID, JTI string }
	decoded, err := base64.RawURLEncoding.DecodeString(payload)
	if err == nil {
		err = json.Unmarshal(decoded, &claims)
	}
	if err != nil || claims.JTI == "" {
		t.Fatalf("%q is not an access token: %v", token, err)
	}
	return claims.SID, claims.JTI
}

// addKeys adds a new key for each algorithm.
func (i *Issuer) addKeys() {
	i.t.Helper()
	if err := i.server.ring.add(); err != nil {
		i.t.Fatalf("make a key: %v", err)
	}
}

func (i *Issuer) signer(algorithm string) *key {
	i.t.Helper()
	k := i.server.ring.signer(algorithm)
	if k == nil {
		i.t.Fatalf("the issuer has no key for %q: name the algorithm in New", algorithm)
	}
	return k
}

func (i *Issuer) sign(k *key, header, payload []byte) string {
	i.t.Helper()
	token, err := k.sign(header, payload)
	if err != nil {
		i.t.Fatalf("sign a token: %v", err)
	}
	return token
}

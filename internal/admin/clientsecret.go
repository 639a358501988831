package admin

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// The limits of a client secret that Signet did not make.
const (
	minSecret      = 24
	maxSecret      = 255
	minSecretRunes = 10
)

// NewClientSecret returns a new client secret of 256 bits.
func NewClientSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return "sgs_" + base64.RawURLEncoding.EncodeToString(b[:])
}

// CheckClientSecret rejects a client secret of another system that is too weak:
// the store has a plain SHA-256 hash of it, which does not protect a word.
func CheckClientSecret(secret string) error {
	different := map[rune]bool{}
	for _, r := range secret {
		different[r] = true
	}
	printable := strings.IndexFunc(secret, func(r rune) bool { return r < '!' || r > '~' }) < 0
	if !printable || len(secret) < minSecret || len(secret) > maxSecret || len(different) < minSecretRunes {
		return oauth.Fail(oauth.InvalidRequest, "A client secret has 24 to 255 printable ASCII characters without "+
			"spaces, at least 10 of them different. "+
			"It must be random, not a word: the store has only a SHA-256 hash of it.")
	}
	return nil
}

// AddClientSecret returns the secrets of a client with a new one. The newest
// earlier secret stays valid. A secret that the client already has changes
// nothing.
func AddClientSecret(c client.Client, secret string, now time.Time) []client.Secret {
	if c.SecretMatches(secret) {
		return c.Secrets
	}
	keep := c.Secrets[max(0, len(c.Secrets)-(client.MaxSecrets-1)):]
	added := client.Secret{Hash: client.HashSecret(secret), CreatedAt: now}
	return append(append([]client.Secret{}, keep...), added)
}

package client

import (
	"crypto/sha256"
	"crypto/subtle"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// A Client is a program that asks for tokens (RFC 6749 §2).
type Client struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// Public clients have no secret and identify themselves by id alone (RFC 6749 §2.1).
	Public bool `json:"public,omitempty"`
	// Secrets are the live secrets, newest last; two at most, so that one can be rotated.
	Secrets []Secret `json:"secrets,omitempty"`
	// Keys are the public keys by which its assertions are known (RFC 7523 §3), beside or instead of a secret.
	Keys []Key `json:"keys,omitempty"`
	// Audiences are those the client may ask for; the first is the one it gets when it names none.
	Audiences []string `json:"audiences,omitempty"`
	// Scope is what the client may ask for, and what it gets when it names none.
	Scope oauth.Scope `json:"scope,omitempty"`
	// RefreshIdle and RefreshAbsolute bound the life of its grants; zero means the issuer's default.
	RefreshIdle     time.Duration `json:"refresh_idle,omitempty"`
	RefreshAbsolute time.Duration `json:"refresh_absolute,omitempty"`
	// Leeway is how long a second tab may still present the token before last; nil means the issuer's default.
	Leeway *time.Duration `json:"leeway,omitempty"`
	// MintSubjects lets the client have tokens made for subjects that it has authenticated itself.
	MintSubjects bool `json:"mint_subjects,omitempty"`
	// CertSANs are the names by any of which the client's certificate is known; see ValidCertSAN. No two clients share one.
	CertSANs   []string  `json:"cert_sans,omitempty"`
	DisabledAt time.Time `json:"disabled_at,omitzero"`
	CreatedAt  time.Time `json:"created_at"`
}

// A Secret is what the issuer keeps of a client secret. Client secrets are made by us with 256 bits of entropy, so a
// plain SHA-256 stores them.
type Secret struct {
	Hash      []byte    `json:"hash"`
	CreatedAt time.Time `json:"created_at"`
}

// A Key is a public key of a client, whose private half only the client has.
type Key struct {
	// ID is the kid; a client's keys have different ones.
	ID string `json:"kid"`
	// Algorithm is the one that it signs with: RS256, ES256 or EdDSA.
	Algorithm string `json:"alg"`
	// Public is the key as a SubjectPublicKeyInfo (RFC 5280 §4.1).
	Public []byte `json:"public"`
}

// MaxKeys is how many keys of a client live at once.
const MaxKeys = 8

// MaxSecrets is how many secrets of a client live at once.
const MaxSecrets = 2

// HashSecret returns what is stored of a client secret.
func HashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// SecretMatches says, in constant time, whether secret is one of the client's live secrets.
func (c Client) SecretMatches(secret string) bool {
	presented, match := HashSecret(secret), 0
	for _, s := range c.Secrets {
		match |= subtle.ConstantTimeCompare(presented, s.Hash)
	}
	return match == 1
}

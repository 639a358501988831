package client

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/signetd/signet/internal/oauth"
)

// A Client is an OAuth client: a program that requests tokens (RFC 6749 §2).
type Client struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// Public is true for a client without credentials. It identifies itself by
	// its id alone (RFC 6749 §2.1).
	Public bool `json:"public,omitempty"`
	// Secrets are the current secrets, the newest last. There are at most
	// MaxSecrets, so that a secret can be rotated.
	Secrets []Secret `json:"secrets,omitempty"`
	// Keys are the public keys that verify its assertions (RFC 7523 §3), in
	// addition to a secret or in place of one.
	Keys []Key `json:"keys,omitempty"`
	// Audiences are the audiences that the client may request. The first is the
	// default.
	Audiences []string `json:"audiences,omitempty"`
	// IntrospectAudiences are the audiences whose access tokens the client may
	// introspect, at most MaxAudiences; see MayIntrospect. A public client has
	// none.
	IntrospectAudiences []string `json:"introspect_audiences,omitempty"`
	// Scope is the largest scope that the client may request. It is also the
	// default.
	Scope oauth.Scope `json:"scope,omitempty"`
	// RefreshIdle and RefreshAbsolute are the lifetimes of its grants. Zero
	// means the issuer's default.
	RefreshIdle     time.Duration `json:"refresh_idle,omitempty"`
	RefreshAbsolute time.Duration `json:"refresh_absolute,omitempty"`
	// Leeway is how long after a rotation the server still accepts the previous
	// refresh token. nil means the issuer's default.
	Leeway *time.Duration `json:"leeway,omitempty"`
	// RetryWindow is how long after a rotation the server still accepts the
	// previous refresh token with the idempotency key that rotated it, 0s to
	// 24h. nil means the idle lifetime, at most 24h.
	RetryWindow *time.Duration `json:"retry_window,omitempty"`
	// GrantsPerUser is the maximum number of live grants of one user at the
	// client. Zero means no limit, nil the issuer's default.
	GrantsPerUser *int `json:"grants_per_user,omitempty"`
	// MintSubjects allows the client to mint tokens for subjects that it has
	// authenticated itself.
	MintSubjects bool `json:"mint_subjects,omitempty"`
	// CertSANs are the names of the client's certificates; see ValidCertSAN. A
	// certificate of the client has at least one of them. No two clients have
	// the same name.
	CertSANs []string `json:"cert_sans,omitempty"`
	// Browser is set if the client is an application in the browser that logs
	// its users in at /session/login. Such a client is public.
	Browser *Browser `json:"browser,omitempty"`
	// CORSOrigins are the origins of pages that may call the token endpoint and
	// the revocation endpoint as this public client (Fetch Standard §3.2), at
	// most MaxOrigins; see ValidOrigin. They are apart from the origins of
	// Browser, and several clients may have the same one.
	CORSOrigins []string `json:"cors_origins,omitempty"`

	DisabledAt time.Time `json:"disabled_at,omitzero"`
	CreatedAt  time.Time `json:"created_at"`
}

// A Secret is a client secret as the store has it: a SHA-256 hash. A password
// hash is not needed, because the issuer makes client secrets with 256 bits of
// entropy.
type Secret struct {
	Hash      oauth.Digest `json:"hash"`
	CreatedAt time.Time    `json:"created_at"`
}

// A Key is a public key of a client. Only the client has the private key.
type Key struct {
	// ID is the kid. It is unique among the client's keys.
	ID string `json:"kid"`
	// Algorithm is RS256, ES256 or EdDSA.
	Algorithm string `json:"alg"`
	// Public is the key as a SubjectPublicKeyInfo (RFC 5280 §4.1).
	Public []byte `json:"public"`
}

// MaxName is the maximum length of a client's name in bytes.
const MaxName = 256

// ValidName reports whether name can be a client's name: it has at most MaxName
// bytes, and no control character that could change what a terminal shows.
func ValidName(name string) bool {
	return len(name) <= MaxName && !strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
	})
}

// MaxAudiences is the maximum number of audiences in a list of a client.
const MaxAudiences = 256

// MaxKeys is the maximum number of keys of a client.
const MaxKeys = 8

// MaxSecrets is the maximum number of current secrets of a client.
const MaxSecrets = 2

// HashSecret returns the hash of a client secret.
func HashSecret(secret string) oauth.Digest {
	sum := sha256.Sum256([]byte(secret))
	return oauth.NewDigest(sum[:])
}

// ErrIDTaken is the error for the id of a new user that is the id of a client.
// Otherwise a token would not show whose it is (RFC 9068 §5).
var ErrIDTaken = oauth.Fail(oauth.AlreadyExists, "A client has this id; no user can have it too.")

// SecretMatches reports, in constant time, whether secret is one of the
// client's current secrets.
func (c Client) SecretMatches(secret string) bool {
	hash, match := HashSecret(secret), false
	for _, s := range c.Secrets {
		// Every secret is compared, so that the time does not depend on which
		// one matches.
		equal := s.Hash.Equal(hash)
		match = match || equal
	}
	return match
}

// MayIntrospect reports whether the client may introspect an access token with
// these audiences that was issued to another client: its id is one of them, or
// one of them is in IntrospectAudiences.
func (c Client) MayIntrospect(audience []string) bool {
	return slices.ContainsFunc(audience, func(id string) bool {
		return id == c.ID || slices.Contains(c.IntrospectAudiences, id)
	})
}

// Way returns how the client's users hold a login in the browser. It is empty
// if the client is not an application in the browser.
func (c Client) Way() Way {
	if c.Browser == nil {
		return ""
	}
	return c.Browser.Way
}

// UsesCookies reports whether the client's logins are in cookies.
func (c Client) UsesCookies() bool { return c.Way() == WayRefresh || c.Way() == WaySession }

// LoginPath returns the path of the application's login page.
func (c Client) LoginPath() string {
	if c.Browser == nil || c.Browser.LoginPath == "" {
		return "/login"
	}
	return c.Browser.LoginPath
}

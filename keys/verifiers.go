package keys

import (
	"fmt"
	"strings"
	"time"
)

// A verifierCache is how a common verifier keeps the JWK Set if nothing else is
// configured. docs/verify.md has the same table.
type verifierCache struct {
	name  string
	keeps time.Duration
	// refetches is the shortest time between two fetches because of an unknown
	// kid. It is zero if there is no such bound, and never if an unknown kid
	// causes no fetch, or if the documentation does not say so.
	refetches time.Duration
}

const never = time.Duration(-1)

var verifierCaches = []verifierCache{
	{"JWT authorizer of Amazon API Gateway", 2 * time.Hour, never}, // documentation of HTTP APIs
	{"keyfunc (Go)", time.Hour, 5 * time.Minute},                   // NewDefault
	{"Envoy", 10 * time.Minute, never},                             // RemoteJwks.cache_duration
	{"jose, express-oauth2-jwt-bearer (Node.js)", 10 * time.Minute, 30 * time.Second},
	{"jwks-rsa (Node.js)", 10 * time.Minute, 0},
	{"VerifyJWT of Apigee", 5 * time.Minute, never}, // documentation of PublicKey/JWKS
	{"PyJWKClient of PyJWT (Python)", 5 * time.Minute, 0},
	{"Nimbus, Spring Security (Java)", 5 * time.Minute, 0}, // JWKSourceBuilder
}

// misses reports whether the verifier may not have a key that was published for
// this time when it begins to sign.
func (v verifierCache) misses(published time.Duration) bool {
	return v.keeps > published && (v.refetches == never || v.refetches > time.Minute)
}

// enoughAhead is the shortest PublishAhead without a warning.
const enoughAhead = time.Hour

// Warnings returns what may fail with a policy that is valid: a PublishAhead
// below an hour is too short for some common verifiers.
func (p Policy) Warnings() []string {
	if p.PublishAhead >= enoughAhead {
		return nil
	}
	var missing []string
	for _, v := range verifierCaches {
		if !v.misses(p.PublishAhead) {
			continue
		}
		text := fmt.Sprintf("%s keeps it for %s", v.name, FormatDuration(v.keeps))
		if v.refetches != never {
			text += fmt.Sprintf(" and fetches it for an unknown kid at most every %s", FormatDuration(v.refetches))
		}
		missing = append(missing, text)
	}
	return []string{fmt.Sprintf("keys.publish_ahead is %s, less than %s: after a rotation some verifiers refuse "+
		"new tokens until they fetch the JWK Set again: %s",
		FormatDuration(p.PublishAhead), FormatDuration(enoughAhead), strings.Join(missing, "; "))}
}

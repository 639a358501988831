package oauth

import "github.com/signetd/signet/internal/jws"

// The limits of requests, tokens and registrations, in every API. Lengths are
// in bytes.
const (
	MaxToken          = 8 << 10
	MaxScope          = 4 << 10
	MaxIdempotencyKey = 256
	// MaxAudiences is the maximum number of audiences in a request or a token.
	MaxAudiences  = jws.MaxAudiences
	MaxAudienceID = jws.MaxAudienceID
	MaxClientID   = jws.MaxClientID
	// MaxSubject is the limit of OpenID Connect Core §2.
	MaxSubject = jws.MaxSubject
	// MaxMethods is the maximum number of values of amr.
	MaxMethods = jws.MaxMethods
	// MaxMethod is the maximum length of a value of amr.
	MaxMethod    = 64
	MaxClaimName = jws.MaxClaimName
	// MaxCertSANs is the maximum number of certificate names of a client.
	MaxCertSANs = 16
	// MaxCertSAN is the maximum length of a certificate name.
	MaxCertSAN = 1 << 10
)

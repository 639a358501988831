package oauth

// The limits of requests, tokens and registrations, in every API. Lengths are
// in bytes.
const (
	MaxToken          = 8 << 10
	MaxScope          = 4 << 10
	MaxIdempotencyKey = 256
	// MaxAudiences is the maximum number of audiences in a request or a token.
	MaxAudiences  = 16
	MaxAudienceID = 256
	MaxClientID   = 128
	// MaxSubject is the limit of OpenID Connect Core §2.
	MaxSubject = 255
	// MaxMethods is the maximum number of values of amr.
	MaxMethods = 16
	// MaxMethod is the maximum length of a value of amr.
	MaxMethod    = 64
	MaxClaimName = 128
	// MaxCertSANs is the maximum number of certificate names of a client.
	MaxCertSANs = 16
	// MaxCertSAN is the maximum length of a certificate name.
	MaxCertSAN = 1 << 10
)

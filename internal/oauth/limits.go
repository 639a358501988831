package oauth

// What requests, tokens and registrations may hold at most, at every door: lengths in bytes, lists in values.
const (
	MaxToken          = 8 << 10
	MaxScope          = 4 << 10
	MaxIdempotencyKey = 256
	// MaxAudiences is how many audiences one request or one token names.
	MaxAudiences  = 16
	MaxAudienceID = 256
	MaxClientID   = 128
	// MaxSubject is that of OpenID Connect Core §2.
	MaxSubject = 255
	// MaxMethods is how many values amr has.
	MaxMethods   = 16
	MaxClaimName = 128
	// MaxCertSANs is by how many names a client's certificate is known, and MaxCertSAN how long one is.
	MaxCertSANs = 16
	MaxCertSAN  = 1 << 10
)

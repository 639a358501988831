// Package revocation says what a revocation is and which tokens it concerns:
// the kinds of entries, their hashes, the table that a verifier keeps, and the
// segments in which entries travel from the issuer to verifiers.
//
// The issuer and verifiers share this package, so that both refuse the same
// tokens. It imports only the standard library.
package revocation

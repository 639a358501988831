// Package token defines the formats of the tokens that Signet issues: the JWT
// access token (RFC 9068), the refresh token, the session token and the device
// token. It also verifies the JWT assertions that clients authenticate with
// (RFC 7523). It promises no compatibility to importers.
package token

// Package token is the formats of what we hand out, the JWT access token (RFC 9068), the refresh token and the device token, and
// of the assertions that clients hand in (RFC 7523). It promises no compatibility to importers.
package token

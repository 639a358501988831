// Package operation calls the operations of an issuer that the lab measures:
// login, refresh, mint, introspect and revoke over gRPC; the JWK Set, refresh
// and client credentials over HTTP.
package operation

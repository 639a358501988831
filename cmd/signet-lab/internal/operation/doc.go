// Package operation calls the operations of an issuer that the lab measures:
// login, refresh, mint, introspect, revoke and jwks.
package operation

// Package issuer issues tokens for logins, refreshes, client credentials and
// Mint. It also introspects tokens, and authenticates the callers who send
// them. It promises no compatibility to importers.
//
// The steps of a login cross packages. The API calls
//
//	issuer.PrepareLogin   the target and the keys; nothing is written yet
//	login.Authenticate    the attempt limits and the password
//	issuer.Login          one write creates the grant; then both tokens
//
// and a refresh is issuer.Refresh alone: it checks the MAC of the refresh
// token, rotates the grant by one statement, and signs.
package issuer

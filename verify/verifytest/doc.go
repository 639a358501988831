// Package verifytest provides an issuer for tests of services that verify
// access tokens.
//
// The issuer is in the process of the test. It signs with real keys, and serves
// what package verify reads from a real one: its metadata, its JWK Set, the
// introspection endpoint and the feed of revocations. A test of a service needs
// no server and no database:
//
//	iss := verifytest.New(t)
//	v := iss.Verifier(verify.Options{Revocation: verify.FailClosed(d)})
//	service := v.Middleware(orders, verify.Scope("read"))
//
//	token := iss.Token(verifytest.Claims{Subject: "ada", Scope: "read"})
//	// A request with the token succeeds.
//	iss.Revoke(token)
//	// The service refuses it within a second.
//
// The issuer opens no sockets and starts no goroutines, so it also works in a
// bubble of testing/synctest. There, the clock of the bubble decides when a
// token expires, and a test waits for days in microseconds.
package verifytest

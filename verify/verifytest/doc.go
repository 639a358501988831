// Package verifytest provides an issuer for tests of services that verify
// access tokens.
//
// The issuer is in the process of the test. It signs with real keys, and serves
// what a verifier reads from a real one: its metadata, its JWK Set, the
// introspection endpoint and the feed of revocations. A test of a service needs
// no server and no database.
//
// The issuer opens no sockets and starts no goroutines, so it also works in a
// bubble of testing/synctest. There, the clock of the bubble decides when a
// token expires, and a test waits for days in microseconds.
package verifytest

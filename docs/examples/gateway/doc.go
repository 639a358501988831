// Command gateway is an example of a backend for browsers. It logs users in at
// Signet, stores their tokens, refreshes them in time, and calls an API on
// behalf of the users. The browser has only an opaque cookie, so a script in a
// page cannot steal a token.
//
// If you write your own gateway, start with session.go. It shows how a gateway
// keeps a login when the response to a refresh is lost.
package main

// Command orders is an example of an API that verifies access tokens of Signet.
// It verifies them offline, and refuses a revoked one within about a second.
//
// GET /orders needs the scope read. GET /orders/events is a stream of events
// that ends with its token.
package main

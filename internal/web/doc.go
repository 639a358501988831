// Package web serves the HTTP API: the OAuth 2.0 endpoints, the JWK Set, the
// metadata documents and the probes.
//
// It also serves the metrics and profiles at the operator's address. The table
// from OAuth error codes to HTTP status codes is here. The package promises no
// compatibility to importers.
package web

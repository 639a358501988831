// Package oauth defines the vocabulary of the protocol: error codes, scopes,
// identifiers, and the limits of requests. It has no records, imports no other
// package of this module and promises no compatibility to importers.
package oauth

// Package oauth is the vocabulary of the protocol: error codes, scope, identifiers, and the limits of
// requests. It has no records, imports nothing of ours and promises no compatibility to importers.
package oauth

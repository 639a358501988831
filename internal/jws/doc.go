// Package jws parses and verifies compact JSON Web Signatures (RFC 7515) as
// strictly as possible.
//
// A token has exactly one string form. The package supports three algorithms
// and accepts no header parameter that gives it an instruction. It imports only
// the standard library, and it promises no compatibility to importers.
package jws

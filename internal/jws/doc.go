// Package jws reads compact JSON Web Signatures (RFC 7515) as strictly as they can be read: one string form per token,
// three algorithms, no header that asks for anything. It uses the standard library only and promises no compatibility to
// importers.
package jws

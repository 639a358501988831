// Package cert keeps the doors' TLS certificate, its key and the CAs of clients fresh from their files. It promises no
// compatibility to importers.
package cert

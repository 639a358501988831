// Package cert loads the TLS certificate of the servers and the CA certificates
// of clients, and reloads them when their files change. It promises no
// compatibility to importers.
package cert

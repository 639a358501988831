// Package components wires the parts of a server that answer requests: the
// registry, the key ring, logins, grants and tokens. A server and the fixture
// of the tests use the same wiring. It promises no compatibility to importers.
package components

// Package certtest creates certificate authorities and certificates for tests.
// It promises no compatibility to importers.
package certtest

// Package fresh shares reads of the store among the requests that need one that
// began after they came in. Without such a read, a server must not say that a
// key or a client does not exist.
package fresh

// Package connlimit bounds the connections of a listener, in all and by
// address.
package connlimit

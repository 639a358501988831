// Package connlimit bounds the connections of a listener, in all and by
// address, and the requests on them.
package connlimit

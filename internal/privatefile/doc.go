// Package privatefile reads and writes files that hold secrets. It decides who
// may access such a file and its directory, and it removes a byte order mark
// from text.
package privatefile

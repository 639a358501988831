// Package elsewhere has its comment in another file.
package elsewhere

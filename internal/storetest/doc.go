// Package storetest is the one suite that both stores pass: a case for each promise, contention with real goroutines, and
// random operations whose answers are compared between the two. It is for tests only and promises no compatibility to
// importers.
package storetest

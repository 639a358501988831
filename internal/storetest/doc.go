// Package storetest is the test suite that both stores pass.
//
// It has a case for each promise of the store interfaces, cases with concurrent
// goroutines on two servers, and a comparison of both stores by random
// operations. It is for tests only and promises no compatibility to importers.
package storetest

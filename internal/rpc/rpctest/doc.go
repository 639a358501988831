// Package rpctest is the fixture of the gRPC API's tests: a server on a real
// socket with clients of its services. It is for tests only and promises no
// compatibility to importers.
package rpctest

// Command kubernetes verifies access tokens as the Kubernetes API server does.
// A test of package interop runs it.
//
// It is a module of its own: a build of the API server's packages takes long,
// and only the long form of the tests needs it.
package main

// Package interop tests the issuer with third-party programs: token verifiers,
// proxies that verify tokens, OAuth and gRPC clients, and the loader of Compose
// files.
//
// It is a module of its own, so that programs that import Signet do not get
// these dependencies. It promises no compatibility to importers.
package interop

// Package interop tests the issuer with other people's programs: their verifiers read its tokens, their loader reads its
// Compose file. It is a module of its own, so that nobody who imports Signet gets their dependencies. It promises no
// compatibility to importers.
package interop

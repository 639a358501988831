// Package grant defines the grant, one login's authorization to one client:
// it creates, rotates, revokes, lists and sweeps grants. It promises no
// compatibility to importers.
package grant

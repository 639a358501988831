// Package grant creates, rotates, revokes, lists and sweeps grants. A grant is
// one login's authorization to one client. It promises no compatibility to
// importers.
package grant

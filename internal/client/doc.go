// Package client defines OAuth clients and audiences, polls them into a
// registry, authenticates clients, and resolves the targets of their tokens. It
// promises no compatibility to importers.
package client

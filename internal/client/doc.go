// Package client defines OAuth clients and audiences, keeps the registry of
// them, authenticates clients, and resolves what their tokens are for. It
// promises no compatibility to importers.
package client

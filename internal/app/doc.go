// Package app turns a configuration into a running process: it opens the store
// and the keys, starts the server, and drains it. It promises no compatibility
// to importers.
package app

// Package admin is the verbs on users, clients and audiences, and what does them again in a store that was restored. It
// promises no compatibility to importers.
package admin

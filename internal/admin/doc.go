// Package admin is the verbs on users, clients and audiences. It promises no compatibility to importers.
package admin

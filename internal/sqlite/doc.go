// Package sqlite keeps everything in one SQLite file: users, clients, audiences, grants and the key ring. It is the store
// of one machine. It promises no compatibility to importers.
package sqlite

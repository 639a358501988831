// Package postgres keeps everything in a Postgres database: users, clients, audiences, grants and the key ring. Any number
// of servers may share it. It promises no compatibility to importers.
package postgres

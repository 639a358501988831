// Package apply reads the clients and audiences that a file describes, and
// compares them with those of the store. It promises no compatibility to
// importers.
//
//	Read ── File ──► Compare ── Plan ──► Make ──► admin.ChangeDirectory
//	                    ▲
//	            client.Directory
//
// The fields of the records are in two tables, audienceFields and clientFields.
// Reading, comparing and exporting use the same tables.
package apply

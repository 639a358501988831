// Package audit defines the audit event, writes the audit log, and reads it
// back for a replay. It imports no other package of this module and promises no
// compatibility to importers.
package audit

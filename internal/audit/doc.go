// Package audit defines the audit event, writes the audit log, and reads it
// back for a replay. It imports nothing of ours and promises no compatibility
// to importers.
package audit

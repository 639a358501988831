// Package telemetry makes the logger and the audit log: one line per record, whatever somebody managed to put into it. It
// promises no compatibility to importers.
package telemetry

// Package telemetry makes the logger, the audit log, the metrics and the traces: one line per record, whatever somebody
// managed to put into it, and one list of all metrics. It promises no compatibility to importers.
package telemetry

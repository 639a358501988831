// Package telemetry provides the logger, the metrics and the traces of the
// server. It promises no compatibility to importers.
package telemetry

// Package load runs operations in a closed or an open loop and records their
// latencies.
package load

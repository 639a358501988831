// Package baseline measures what limits an issuer on this machine: pgbench, raw
// signatures, bare password hashes and Go benchmarks.
package baseline

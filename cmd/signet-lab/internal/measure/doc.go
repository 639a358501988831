// Package measure runs a load against an issuer and reports its rate, its
// latencies and the processor time of the programs that take part.
package measure

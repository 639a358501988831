// Package cpulimit limits the processor time of a process.
package cpulimit

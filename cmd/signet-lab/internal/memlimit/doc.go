// Package memlimit limits the memory of programs with a control group.
package memlimit

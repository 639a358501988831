package main

import (
	"errors"

	"golang.org/x/sys/unix"
)

// protect keeps the memory of this process, in which keys and passwords are, off the disk and from other processes of the same
// user: no core dump, no debugger, and no reading of it under /proc but by root.
func protect() error {
	return errors.Join(
		about("no core dumps", unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})),
		about("no debuggers", unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)),
	)
}

package app

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ProtectMemory keeps the memory of this process, which holds keys and
// passwords, from being written to disk and from being read by other processes
// of the same user. It disables core dumps and debuggers, and makes the
// process's files under /proc readable by root only.
func ProtectMemory() error {
	var errs [2]error
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		errs[0] = fmt.Errorf("disable core dumps: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		errs[1] = fmt.Errorf("disable debuggers: %w", err)
	}
	return errors.Join(errs[:]...)
}

package config

import (
	"errors"
	"fmt"
	"strconv"
)

// A fault is one problem of the configuration. It names the key, the problem
// with the value, the value that is wanted, and the origin of the value. It
// never contains a secret.
type fault struct {
	key    string
	origin string
	// text is the line without the origin: "KEY PROBLEM; want VALUES".
	text string
}

// newFault returns the fault of a key.
func newFault(key, problem, wanted, origin string) fault {
	return fault{key, origin, fmt.Sprintf("%s %s; want %s", key, problem, wanted)}
}

// Error returns the fault as one line.
func (f fault) Error() string {
	text := f.text
	if f.origin != "" && f.origin != FromDefault {
		text += " (from " + f.origin + ")"
	}
	return text
}

// joinFaults returns all faults as one error, or nil if there are none.
func joinFaults(faults []fault) error {
	var errs []error
	for _, f := range faults {
		errs = append(errs, f)
	}
	return errors.Join(errs...)
}

// quote returns text as a quoted string on one line. It cuts text that is
// longer than 100 bytes.
func quote(text string) string {
	if len(text) > 100 {
		text = text[:100] + "…"
	}
	return strconv.Quote(text)
}

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
	key, problem, wanted, origin string
}

// Error returns the fault as one line.
func (f fault) Error() string {
	text := fmt.Sprintf("%s %s; want %s", f.key, f.problem, f.wanted)
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

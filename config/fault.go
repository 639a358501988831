package config

import (
	"errors"
	"fmt"
	"strconv"
)

// A fault is one line of what is wrong: the key, what is the matter with its value, what is wanted, and who gave the value.
// No secret ever stands in it.
type fault struct {
	key, problem, wanted, origin string
}

// Error returns the line.
func (f fault) Error() string {
	text := fmt.Sprintf("%s %s; want %s", f.key, f.problem, f.wanted)
	if f.origin != "" && f.origin != FromDefault {
		text += " (from " + f.origin + ")"
	}
	return text
}

// joined returns all faults as one error, nil if there are none.
func joined(faults []fault) error {
	var errs []error
	for _, f := range faults {
		errs = append(errs, f)
	}
	return errors.Join(errs...)
}

// quote returns text on one line and not too long, as faults show what somebody wrote.
func quote(text string) string {
	if len(text) > 100 {
		text = text[:100] + "…"
	}
	return strconv.Quote(text)
}

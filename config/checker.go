package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signetd/signet/keys"
)

// A checker collects the faults of the values of a configuration.
type checker struct {
	origins map[string]string
	faults  []fault
}

func (k *checker) fault(key, problem, wanted string) {
	k.faults = append(k.faults, newFault(key, problem, wanted, k.origins[key]))
}

// addFaults adds the faults that another package has joined by errors.Join. The
// text of each fault begins with its configuration key.
func (k *checker) addFaults(err error) {
	faults := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		faults = joined.Unwrap()
	}
	for _, f := range faults {
		if f != nil {
			key, _, _ := strings.Cut(f.Error(), " ")
			k.faults = append(k.faults, fault{key, k.origins[key], f.Error()})
		}
	}
}

func (k *checker) notEmpty(key, value, wanted string) {
	if value == "" {
		k.fault(key, "is empty", wanted)
	}
}

func (k *checker) between(key string, d, least, most time.Duration) {
	if d < least || d > most {
		k.fault(key, is(d), keys.FormatDuration(least)+" to "+keys.FormatDuration(most))
	}
}

// seconds checks a duration that a protocol counts in whole seconds.
func (k *checker) seconds(key string, d, least, most time.Duration) {
	k.between(key, d, least, most)
	if d%time.Second != 0 {
		k.fault(key, is(d), "whole seconds")
	}
}

// atMost checks that a duration does not exceed the value of the key limit.
func (k *checker) atMost(key string, d time.Duration, limit string, most time.Duration) {
	if d > most {
		k.fault(key, is(d), "at most "+limit+", "+keys.FormatDuration(most))
	}
}

func (k *checker) number(key string, n, least, most int) {
	if n < least || n > most {
		k.fault(key, fmt.Sprintf("is %d", n), fmt.Sprintf("%d to %d", least, most))
	}
}

func (k *checker) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		k.fault(key, "is "+quote(value), "one of "+strings.Join(allowed, ", "))
	}
}

func is(d time.Duration) string { return "is " + keys.FormatDuration(d) }

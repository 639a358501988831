package password

import (
	"errors"
	"fmt"
	"strconv"
)

// These constants are the bounds of password.min_length (NIST SP 800-63B-4
// allows 8 with a second factor).
const (
	lowestMinLength  = 8
	highestMinLength = 64
)

// Settings are the values of the configuration section password, with the types
// of the configuration. Validate checks them before they are converted into the
// narrower types of Options and Policy.
type Settings struct {
	// Memory is password.memory in bytes.
	Memory int64
	// Iterations is password.iterations.
	Iterations int
	// Parallelism is password.parallelism.
	Parallelism int
	// MemoryBudget is password.memory_budget in bytes. Zero means the default
	// of Options.
	MemoryBudget int64
	// MinLength is password.min_length in code points. Unlike in Policy, zero
	// is invalid.
	MinLength int
}

// Validate returns all faults of the settings as one error of errors.Join, or
// nil. Each fault has the form "KEY PROBLEM; want VALUES" and begins with the
// configuration key.
func (s Settings) Validate() error {
	const kib = 1 << 10
	var faults []error
	fault := func(key, problem, wanted string) {
		faults = append(faults, fmt.Errorf("%s %s; want %s", key, problem, wanted))
	}
	number := func(key string, n, least, most int) {
		if n < least || n > most {
			fault(key, fmt.Sprintf("is %d", n), fmt.Sprintf("%d to %d", least, most))
		}
	}

	if s.Memory < minMemory*kib || s.Memory > maxMemory*kib || s.Memory%kib != 0 {
		wanted := FormatSize(minMemory*kib) + " to " + FormatSize(maxMemory*kib) + ", whole KiB"
		fault("password.memory", "is "+FormatSize(s.Memory), wanted)
	}
	number("password.iterations", s.Iterations, minIterations, maxIterations)
	number("password.parallelism", s.Parallelism, minParallelism, maxParallelism)
	if s.MemoryBudget != 0 && s.MemoryBudget < s.Memory {
		wanted := "at least password.memory, " + FormatSize(s.Memory) + ", or 0B"
		fault("password.memory_budget", "is "+FormatSize(s.MemoryBudget), wanted)
	}
	number("password.min_length", s.MinLength, lowestMinLength, highestMinLength)

	return errors.Join(faults...)
}

// FormatSize returns a number of bytes in the form of signet.yaml, such as
// 19MiB. It uses the largest unit of which the number is a multiple.
func FormatSize(bytes int64) string {
	for _, unit := range []struct {
		name string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}} {
		if bytes != 0 && bytes%unit.size == 0 {
			return strconv.FormatInt(bytes/unit.size, 10) + unit.name
		}
	}
	return "0B"
}

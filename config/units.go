package config

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/signetd/signet/internal/password"
)

// A Size is a number of bytes.
type Size int64

// The units of a Size.
const (
	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30
)

// sizeUnits are ordered from the largest to the smallest. B must be the last,
// because the names of the others end with B.
var sizeUnits = []struct {
	name string
	size Size
}{{"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", 1}}

// String returns the size in the form of signet.yaml, such as 19MiB.
func (s Size) String() string { return password.FormatSize(int64(s)) }

func parseSize(text string) (Size, bool) {
	for _, unit := range sizeUnits {
		if digits, ok := strings.CutSuffix(text, unit.name); ok {
			n, err := strconv.ParseInt(digits, 10, 64)
			return Size(n) * unit.size, err == nil && n >= 0 && n <= math.MaxInt64/int64(unit.size)
		}
	}
	return 0, false
}

const day = 24 * time.Hour

// parseDuration is time.ParseDuration, except that it rejects a 0 without a
// unit.
func parseDuration(text string) (time.Duration, bool) {
	d, err := time.ParseDuration(text)
	return d, err == nil && !strings.HasSuffix(text, "0")
}

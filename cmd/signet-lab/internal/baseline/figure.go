package baseline

import (
	"fmt"
	"regexp"
	"strconv"
)

// parseFigure returns the number that the first group of pattern matches.
func parseFigure(pattern *regexp.Regexp, text []byte) (float64, error) {
	match := pattern.FindSubmatch(text)
	if match == nil {
		return 0, fmt.Errorf("no %s in: %s", pattern, text)
	}
	return strconv.ParseFloat(string(match[1]), 64)
}

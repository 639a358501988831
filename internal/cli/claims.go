package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// addClaimFlag adds the repeatable --claim flag to a command.
func addClaimFlag(c *cobra.Command, usage string) *[]string {
	return c.Flags().StringArray("claim", nil, usage)
}

// parseClaims parses values of the form NAME=VALUE. A value with a comma is a
// list of strings, and so are the values of a repeated name. Every other value
// is a string. The claim is nil if VALUE is empty.
func parseClaims(flags []string) (map[string]any, error) {
	claims := make(map[string]any, len(flags))
	for _, flag := range flags {
		name, value, ok := strings.Cut(flag, "=")
		if !ok || name == "" {
			return nil, usageError("--claim must be NAME=VALUE")
		}
		earlier, repeated := claims[name]
		switch {
		case value == "" && !repeated:
			claims[name] = nil
		case repeated || strings.Contains(value, ","):
			items := slices.DeleteFunc(strings.Split(value, ","), func(item string) bool { return item == "" })
			claims[name] = append(asList(earlier), items...)
		default:
			claims[name] = value
		}
	}
	return claims, nil
}

// asList returns a parsed claim as a list.
func asList(claim any) []string {
	switch c := claim.(type) {
	case string:
		return []string{c}
	case []string:
		return c
	}
	return []string{}
}

// formatClaims returns the claims as text, sorted by name.
func formatClaims(claims map[string]any) string {
	texts := make([]string, 0, len(claims))
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		texts = append(texts, fmt.Sprintf("%s=%v", name, claims[name]))
	}
	return strings.Join(texts, " ")
}

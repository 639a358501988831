package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// claimFlags are the repeatable flags --claim and --claim-json of a command.
type claimFlags struct{ texts, values *[]string }

// addClaimFlags adds the flags to a command. usage is that of --claim.
func addClaimFlags(c *cobra.Command, usage string) claimFlags {
	return claimFlags{
		texts: c.Flags().StringArray("claim", nil, usage),
		values: c.Flags().StringArray("claim-json", nil,
			"a claim `NAME=JSON`, such as level=3, staff=true, roles=[\"ops\"] or name=\"a, b\" (repeatable)"),
	}
}

// parse returns the claims of the flags. A claim is nil if --claim has an empty
// value.
func (f claimFlags) parse() (map[string]any, error) {
	claims, err := parseClaims(*f.texts)
	if err != nil {
		return nil, err
	}
	for _, flag := range *f.values {
		name, text, ok := strings.Cut(flag, "=")
		if !ok || name == "" {
			return nil, usageError("--claim-json must be NAME=JSON")
		}
		if _, ok := claims[name]; ok {
			return nil, usageError("the claim " + name + " is given twice")
		}
		if claims[name], err = parseJSON(text); err != nil || claims[name] == nil {
			return nil, usageError("--claim-json " + name + " must be a JSON value; text needs double quotes")
		}
	}
	return claims, nil
}

// parseJSON returns the value of a JSON text. Numbers are a json.Number.
func parseJSON(text string) (value any, err error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("the JSON has more than one value")
	}
	return value, nil
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

// formatClaims returns the claims as text, sorted by name, in the form that
// --claim-json accepts.
func formatClaims(claims map[string]any) string {
	texts := make([]string, 0, len(claims))
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		texts = append(texts, name+"="+formatJSON(claims[name]))
	}
	return strings.Join(texts, " ")
}

// formatJSON returns the value as JSON that is readable in a terminal.
func formatJSON(value any) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // a claim is JSON
	return strings.TrimSuffix(text.String(), "\n")
}

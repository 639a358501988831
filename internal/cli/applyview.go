package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/signetd/signet/internal/apply"
)

// applyView is the result of `apply`.
type applyView struct {
	// Applied is false for --plan.
	Applied bool         `json:"applied"`
	Changes []apply.Step `json:"changes"`
	// Unlisted is how many records are not in the file and stay.
	Unlisted int `json:"unlisted"`
}

// printPlan prints the changes that were made, or that would be made.
func printPlan(p *program, plan *apply.Plan, applied bool) error {
	v := applyView{Applied: applied, Changes: append([]apply.Step{}, plan.Steps...), Unlisted: plan.Unlisted}
	return p.printResult(v, v.print)
}

func (v applyView) print(w io.Writer) {
	count := map[string]int{}
	for _, s := range v.Changes {
		count[s.Action]++
		printStep(w, s, v.Applied)
	}
	switch {
	case len(v.Changes) == 0:
		fmt.Fprintln(w, "no changes")
	case v.Applied:
		fmt.Fprintf(w, "%d created, %d updated, %d deleted\n",
			count[apply.Create], count[apply.Update], count[apply.Delete])
	default:
		fmt.Fprintf(w, "%d to create, %d to update, %d to delete; nothing was changed\n",
			count[apply.Create], count[apply.Update], count[apply.Delete])
	}
	if v.Unlisted > 0 {
		fmt.Fprintf(w, "%d not in the file, unchanged\n", v.Unlisted)
	}
}

// printStep prints the change of one record: a line, and one for each field.
func printStep(w io.Writer, s apply.Step, applied bool) {
	note := ""
	if s.Action == apply.Delete && s.Kind == "client" {
		note = " and revoke its grants"
	}
	fmt.Fprintf(w, "%s %s %s%s\n", s.Action, s.Kind, printable(s.ID), note)
	for _, f := range s.Fields {
		from, to := formatField(f.Old), formatField(f.New)
		switch {
		case s.Action == apply.Create:
			fmt.Fprintf(w, "  %s: %s\n", f.Name, to)
		case from == to:
			fmt.Fprintf(w, "  %s: %s, changed\n", f.Name, to)
		default:
			fmt.Fprintf(w, "  %s: %s → %s\n", f.Name, from, to)
		}
	}
	if text := secretText(s, applied); text != "" {
		fmt.Fprintf(w, "  secret: %s\n", text)
	}
}

// secretText returns what happens with the secret of a client.
func secretText(s apply.Step, applied bool) string {
	switch {
	case s.Secret == "":
		return ""
	case s.Secret == apply.SecretAdded:
		return "from " + printable(s.SecretFile)
	case s.SecretFile != "":
		return "new, in " + printable(s.SecretFile)
	case applied:
		return s.ClientSecret + " (store it now: it is not shown again)"
	}
	return "new, printed once"
}

// formatField returns the value of a field as text. A dash is the default.
func formatField(value any) string {
	switch v := value.(type) {
	case nil:
		return "-"
	case []string:
		return printable(strings.Join(v, " "))
	case interface{ Texts() []string }:
		return printable(strings.Join(v.Texts(), " "))
	}
	return printable(fmt.Sprint(value))
}

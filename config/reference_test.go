package config

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "generate docs/configuration.md")

// referenceIntro is the part of docs/configuration.md that does not come from
// signet.yaml. Its lines have a single quote in place of each backquote.
const referenceIntro = `# Configuration

This page is for operators who configure Signet. It lists every key with its environment variable, its default and its
meaning.

- **Precedence.** A flag ('--set KEY=VALUE') overrides the environment, the environment overrides the file, and the file
  overrides the defaults.
- **File.** Signet reads the file that '--config' names. Without '--config' it reads the first of these files that
  it can read: './signet.yaml', '$XDG_CONFIG_HOME/signet/signet.yaml', '/etc/signet/signet.yaml'.
- **Errors.** Unknown keys are errors, and so are variables that resemble the name of a key. Signet warns of other
  variables with the prefix 'SIGNET_', and ignores them and empty ones. Signet reports all faults at once.
- **Values.** Durations carry a unit ('500ms', '10s', '720h'), and so do sizes ('19MiB'). In the environment, commas
  separate the values of a list.
- **Secrets.** The variable of a secret may end with '_FILE', as in 'SIGNET_STORE_URL_FILE'. Then its value is the path
  of a file that holds the secret.
- **Inspection.** 'signet config' prints the configuration in force. It hides secrets.

This page is generated from [config/signet.yaml](../config/signet.yaml) with
'go test ./config -run Reference -update'.
`

// reference returns the content of docs/configuration.md.
func reference(t *testing.T) string {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal(defaults, &document); err != nil {
		t.Fatal(err)
	}
	root := document.Content[0]
	documented := comments("", root)
	values := map[string]string{}
	for i := 0; i < len(root.Content); i += 2 {
		addDefaults(values, "", root.Content[i], root.Content[i+1])
	}

	var b strings.Builder
	b.WriteString(strings.ReplaceAll(referenceIntro, "'", "`"))
	section := ""
	for _, nested := range []bool{false, true} { // keys without a section first
		for _, f := range fields(new(Config)) {
			head, _, inSection := strings.Cut(f.key, ".")
			if inSection != nested {
				continue
			}
			if nested && head != section {
				section = head
				fmt.Fprintf(&b, "\n## %s\n\n%s", section, wrap(documented[section]))
			}
			value := "none"
			if v := values[f.key]; v != "" {
				value = "`" + v + "`"
			}
			fmt.Fprintf(&b, "\n**`%s`**, `%s`, default %s:\n\n", f.key, envName(f.key), value)
			b.WriteString(wrap(documented[f.key]))
		}
	}
	return b.String()
}

// addDefaults adds the default of each key below a node to values.
func addDefaults(values map[string]string, prefix string, name, value *yaml.Node) {
	key := prefix + name.Value
	if value.Kind != yaml.MappingNode {
		values[key] = value.Value
		return
	}
	for i := 0; i < len(value.Content); i += 2 {
		addDefaults(values, key+".", value.Content[i], value.Content[i+1])
	}
}

// wrap returns the text of a YAML comment as lines of at most 120 characters.
func wrap(comment string) string {
	var b strings.Builder
	length := 0
	for word := range strings.FieldsSeq(strings.ReplaceAll("\n"+comment, "\n#", "\n")) {
		switch {
		case length == 0:
		// Markdown reads a line that begins with one of these signs as a list.
		case length+1+utf8.RuneCountInString(word) > 118 && !slices.Contains([]string{"+", "-"}, word):
			b.WriteByte('\n')
			length = 0
		default:
			b.WriteByte(' ')
			length++
		}
		b.WriteString(word)
		length += utf8.RuneCountInString(word)
	}
	return b.String() + "\n"
}

func TestReference_MatchesDefaults(t *testing.T) {
	const path = "../docs/configuration.md"
	want := reference(t)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s does not match signet.yaml (error %v): run go test ./config -run Reference -update", path, err)
	}
}

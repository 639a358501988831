package config

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "make docs/configuration.md anew")

// reference is signet.yaml as a page for people.
func reference(t *testing.T) string {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal(defaults, &document); err != nil {
		t.Fatal(err)
	}
	root := document.Content[0]
	explained := comments("", root)
	var b strings.Builder
	b.WriteString(`# Configuration

A flag (` + "`--set KEY=VALUE`" + `) is stronger than the environment, the environment stronger than the file, the file stronger than these
defaults. The file is the one that ` + "`--config`" + ` names, else the first of ` + "`./signet.yaml`, `$XDG_CONFIG_HOME/signet/signet.yaml` and `/etc/signet/signet.yaml`" + `. Unknown
keys are errors, and all faults are told at once. Durations carry a unit (` + "`500ms`, `10s`, `720h`" + `), sizes too (` + "`19MiB`" + `); a list in the
environment has commas between its values. The variable of a secret may have ` + "`_FILE`" + ` behind its name: then it names a file, as in
` + "`SIGNET_STORE_URL_FILE`" + `. ` + "`signet config`" + ` shows what is in force and where each value comes from, secrets hidden.

This page is made from [config/signet.yaml](../config/signet.yaml): ` + "`go test ./config -run Reference -update`" + `.
`)
	values := map[string]string{}
	for i := 0; i < len(root.Content); i += 2 {
		flatten(values, "", root.Content[i], root.Content[i+1])
	}
	section := ""
	for _, nested := range []bool{false, true} { // keys without a section first
		for _, l := range leaves(new(Config)) {
			head, _, inSection := strings.Cut(l.key, ".")
			if inSection != nested {
				continue
			}
			if nested && head != section {
				section = head
				fmt.Fprintf(&b, "\n## %s\n\n%s\n", section, prose(explained[section]))
			}
			usual := "none"
			if v := values[l.key]; v != "" {
				usual = "`" + v + "`"
			}
			fmt.Fprintf(&b, "\n**`%s`**, `%s`, default %s: %s\n", l.key, envName(l.key), usual, prose(explained[l.key]))
		}
	}
	return b.String()
}

// flatten notes the default of each key.
func flatten(values map[string]string, prefix string, name, value *yaml.Node) {
	key := prefix + name.Value
	if value.Kind != yaml.MappingNode {
		values[key] = value.Value
		return
	}
	for i := 0; i < len(value.Content); i += 2 {
		flatten(values, key+".", value.Content[i], value.Content[i+1])
	}
}

// prose is a comment without its signs.
func prose(comment string) string {
	var words []string
	for line := range strings.Lines(comment) {
		words = append(words, strings.TrimSpace(strings.TrimPrefix(line, "#")))
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

func TestReference(t *testing.T) {
	const path = "../docs/configuration.md"
	want := reference(t)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s is not made from signet.yaml as it is now (%v): go test ./config -run Reference -update", path, err)
	}
}

package signetv1_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "make docs/grpc.md anew")

// What a line of a .proto file declares. `buf format` keeps each on a line of its own.
var (
	block  = regexp.MustCompile(`^(service|message|enum) (\w+) \{(\})?$`)
	method = regexp.MustCompile(`^rpc (\w+)\(([\w.]+)\) returns \(([\w.]+)\);$`)
	field  = regexp.MustCompile(`^(.+) (\w+) = (\d+);$`)
	value  = regexp.MustCompile(`^(\w+) = (\d+);$`)
)

// reference is the .proto files as a page for people.
func reference(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("*.proto")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	var services, messages strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		read(t, string(text), &services, &messages)
	}
	return `# gRPC reference

Package ` + "`signet.v1`" + `; the Go package is ` + "`github.com/signetd/signet/proto/signet/v1`" + `. Every error carries ` + "`google.rpc.ErrorInfo`" + ` with the domain ` + "`signet`" + ` and
the code in upper case as its reason; [protocol.md](protocol.md) has the table. Where waiting helps, ` + "`google.rpc.RetryInfo`" + ` says how long.

This page is made from the .proto files: ` + "`go test ./proto/... -run Reference -update`" + `.

` + services.String() + "## Messages\n\n" + messages.String()
}

// read writes down one file: services to one place, messages and enums to another.
func read(t *testing.T, text string, services, messages *strings.Builder) {
	t.Helper()
	var comment []string
	out := services
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if said, ok := strings.CutPrefix(line, "//"); ok {
			comment = append(comment, strings.TrimSpace(said))
			continue
		}
		prose := strings.Join(comment, " ")
		if line != "" {
			comment = nil
		}
		switch {
		case block.MatchString(line):
			m, level := block.FindStringSubmatch(line), "###"
			out = messages
			if m[1] == "service" {
				out, level = services, "##"
			}
			fmt.Fprintf(out, "%s %s\n\n%s\n\n", level, m[2], prose)
		case method.MatchString(line):
			m := method.FindStringSubmatch(line)
			fmt.Fprintf(out, "**%s**(%s) → %s: %s\n\n", m[1], linked(m[2]), linked(m[3]), prose)
		case value.MatchString(line):
			m := value.FindStringSubmatch(line)
			fmt.Fprintf(out, "- `%s` (%s): %s\n", m[1], m[2], prose)
		case field.MatchString(line):
			m := field.FindStringSubmatch(line)
			fmt.Fprintf(out, "- `%s` (%s, %s): %s\n", m[2], m[3], m[1], prose)
		case line == "}":
			fmt.Fprintln(out)
		case line == "", strings.HasPrefix(line, "syntax "), strings.HasPrefix(line, "package "), strings.HasPrefix(line, "import "),
			strings.HasPrefix(line, "option "), strings.HasPrefix(line, "reserved "):
		default:
			t.Errorf("nobody reads the line %q", line)
		}
	}
}

func linked(message string) string {
	if strings.Contains(message, ".") { // another package's
		return "`" + message + "`"
	}
	return "[" + message + "](#" + strings.ToLower(message) + ")"
}

func TestReference(t *testing.T) {
	const path = "../../../docs/grpc.md"
	want := reference(t)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s is not made from the .proto files as they are now (%v): go test ./proto/... -run Reference -update", path, err)
	}
}

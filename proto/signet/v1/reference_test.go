package signetv1_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "rewrite docs/grpc.md")

// The declarations of a .proto file. `buf format` puts each on its own line.
var (
	block  = regexp.MustCompile(`^(service|message|enum) (\w+) \{(\})?$`)
	method = regexp.MustCompile(`^rpc (\w+)\(([\w.]+)\) returns \(([\w.]+)\);$`)
	field  = regexp.MustCompile(`^(.+) (\w+) = (\d+);$`)
	value  = regexp.MustCompile(`^(\w+) = (\d+);$`)
)

// reference returns the page docs/grpc.md for the current .proto files.
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
		writeFile(t, string(text), &services, &messages)
	}
	return `# gRPC reference

This page is for developers who call the gRPC API: it lists every call and message of the package ` + "`signet.v1`" + `. The Go
package is ` + "`github.com/signetd/signet/proto/signet/v1`" + `. Every error of the server has a ` + "`google.rpc.ErrorInfo`" + ` with the
domain ` + "`signet`" + ` and the error code in upper case as the reason; [protocol.md](protocol.md#errors) has the table. If a
retry helps, the error also has a ` + "`google.rpc.RetryInfo`" + ` with the delay.

A test keeps this page equal to the .proto files. To regenerate it: ` + "`go test ./proto/... -run Reference -update`" + `.

` + services.String() + "## Messages\n\n" + messages.String()
}

// writeFile writes the Markdown of one .proto file: services to services,
// messages and enums to messages.
func writeFile(t *testing.T, text string, services, messages *strings.Builder) {
	t.Helper()
	var comment []string
	out := services
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if sentence, ok := strings.CutPrefix(line, "//"); ok {
			comment = append(comment, strings.TrimSpace(sentence))
			continue
		}
		prose := strings.Join(comment, "\n")
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
			fmt.Fprintf(out, "%s %s\n\n%s\n\n", level, m[2], wrap(prose, ""))
		case method.MatchString(line):
			m := method.FindStringSubmatch(line)
			text := fmt.Sprintf("**%s**(%s) → %s: %s", m[1], linked(m[2]), linked(m[3]), prose)
			fmt.Fprintf(out, "%s\n\n", wrap(text, ""))
		case value.MatchString(line):
			m := value.FindStringSubmatch(line)
			fmt.Fprintln(out, wrap(fmt.Sprintf("- `%s` (%s): %s", m[1], m[2], prose), "  "))
		case field.MatchString(line):
			m := field.FindStringSubmatch(line)
			fmt.Fprintln(out, wrap(fmt.Sprintf("- `%s` (%s, %s): %s", m[2], m[3], m[1], prose), "  "))
		case line == "}":
			fmt.Fprintln(out)
		case line == "", strings.HasPrefix(line, "syntax "), strings.HasPrefix(line, "package "),
			strings.HasPrefix(line, "import "),
			strings.HasPrefix(line, "option "), strings.HasPrefix(line, "reserved "):
		default:
			t.Errorf("unknown declaration %q", line)
		}
	}
}

// wrap breaks the lines of text before column 120. An empty line separates
// paragraphs. Every line but the first begins with indent.
func wrap(text, indent string) string {
	var paragraphs []string
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		var lines []string
		line := ""
		for _, word := range strings.Fields(paragraph) {
			if line != "" && utf8.RuneCountInString(line)+len(" ")+utf8.RuneCountInString(word) >= 120 {
				lines, line = append(lines, line), indent+word
				continue
			}
			if line != "" {
				line += " "
			}
			line += word
		}
		paragraphs = append(paragraphs, strings.Join(append(lines, line), "\n"))
	}
	return strings.Join(paragraphs, "\n\n")
}

// linked returns a link to the section of a message. A message of another
// package has none.
func linked(message string) string {
	if strings.Contains(message, ".") {
		return "`" + message + "`"
	}
	return "[" + message + "](#" + strings.ToLower(message) + ")"
}

// TestReference compares docs/grpc.md with the .proto files. With -update it
// rewrites the page first.
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
		t.Errorf("%s differs from the .proto files (error %v); run go test ./proto/... -run Reference -update",
			path, err)
	}
}

package main

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/signetd/signet/config"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// TestEverythingIsUsed lists what people and programs touch, from where it is made: commands and flags from cobra, calls from
// the .proto files, keys from Config, metrics from docs/metrics.md, codes from the error table. What no test uses is a fault:
// nobody would notice that it does not work.
func TestEverythingIsUsed(t *testing.T) {
	tests := readTests(t)
	var unused []string
	for kind, names := range map[string][]usable{
		"command": commandsAndFlags(), "call": calls(), "key": configKeys(t), "metric": metricNames(t), "code": errorCodes(t),
	} {
		if len(names) < 10 {
			t.Errorf("only %d of kind %s are listed", len(names), kind)
		}
		for _, n := range names {
			if !n.in(tests) {
				unused = append(unused, kind+" "+n.name)
			}
		}
	}
	slices.Sort(unused)
	for _, u := range unused {
		t.Errorf("no test uses the %s", u)
	}
}

// A usable is something that can be used, and what a line of a test that uses it looks like: one that has one of the words and
// then matches the pattern, which by itself would take long.
type usable struct {
	name    string
	pattern *regexp.Regexp
	words   []string
}

func (u usable) in(tests []byte) bool {
	for line := range bytes.Lines(tests) {
		for _, word := range u.words {
			if bytes.Contains(line, []byte(word)) && u.pattern.Match(line) {
				return true
			}
		}
	}
	return false
}

// readTests returns the code of all tests, each line without the quotes and commas between words, so that a command looks the
// same in a script and in Go.
func readTests(t *testing.T) []byte {
	t.Helper()
	var all bytes.Buffer
	house := os.DirFS("../..")
	err := fs.WalkDir(house, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Base(name) == "used_test.go" {
			return err
		}
		if isTest(name) {
			text, err := fs.ReadFile(house, name)
			all.Write(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return noise.ReplaceAll(all.Bytes(), []byte(" "))
}

var noise = regexp.MustCompile("[\"`', \t]+")

// isTest says whether a file is a test or is run by one, as README is.
func isTest(name string) bool {
	return strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".txtar") || name == "README.md" ||
		strings.HasPrefix(name, "internal/storetest/") && strings.HasSuffix(name, ".go") ||
		strings.HasPrefix(name, "internal/interop/") && !strings.Contains(name, "node_modules") &&
			slices.Contains([]string{".js", ".mjs", ".ts"}, path.Ext(name))
}

func TestUseIsToldFromMention(t *testing.T) {
	for _, c := range []struct {
		line, command, flag string
		want                bool
	}{
		{`exec signet users create ada --claim roles=a`, "users create", "claim", true},
		{`m.run("users", "create", "ada", "--claim", "roles=a")`, "users create", "claim", true},
		{`exec signet users create ada --claims`, "users create", "claim", false},
		{`exec signet users update ada --claim x`, "users create", "claim", false},
		{`exec signet users create ada`, "users create", "claim", false},
	} {
		line := noise.ReplaceAll([]byte(c.line), []byte(" "))
		if got := flagPattern(c.command, "--"+c.flag).Match(line); got != c.want {
			t.Errorf("%s: %v, want %v", c.line, got, c.want)
		}
	}
}

func flagPattern(command, flag string) *regexp.Regexp {
	return regexp.MustCompile(`(?m)\b` + regexp.QuoteMeta(command) + `\b.* ` + regexp.QuoteMeta(flag) + `(\s|=|\)|$)`)
}

// commandsAndFlags are all commands that do something, by what follows the program's name, and each with its own flags.
func commandsAndFlags() (all []usable) {
	root := (&program{}).command()
	root.InitDefaultCompletionCmd()
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		all = append(all, usable{"--" + f.Name, regexp.MustCompile(` --` + f.Name + `[ =\n]`), []string{"--" + f.Name}})
	})
	var walk func(c *cobra.Command, name string)
	walk = func(c *cobra.Command, name string) {
		for _, sub := range c.Commands() {
			if sub.Hidden || sub.Name() == "help" {
				continue
			}
			walk(sub, strings.TrimSpace(name+" "+sub.Name()))
		}
		if name == "" || c.HasSubCommands() {
			return
		}
		all = append(all, usable{name, regexp.MustCompile(`\b` + name + `\b`), []string{name}})
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" && f.Name != "no-descriptions" { // cobra's own
				all = append(all, usable{name + " --" + f.Name, flagPattern(name, "--"+f.Name), []string{"--" + f.Name}})
			}
		})
	}
	walk(root, "")
	return all
}

// calls are those of all services, as a client in Go or in JavaScript makes them.
func calls() (all []usable) {
	for _, file := range []protoreflect.FileDescriptor{
		signetv1.File_signet_v1_token_proto, signetv1.File_signet_v1_key_proto, signetv1.File_signet_v1_admin_proto,
	} {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				name := string(service.Methods().Get(j).Name())
				pattern := regexp.MustCompile(`\.` + name + `\(|Client\)?\.` + name + `\b`)
				all = append(all, usable{string(service.Name()) + "." + name, pattern, []string{"." + name}})
			}
		}
	}
	return all
}

// configKeys are those of Config. A key is used where a test sets it, by its name or by its variable.
func configKeys(t *testing.T) (all []usable) {
	t.Helper()
	sections, err := config.Config{}.Redacted()
	if err != nil {
		t.Fatal(err)
	}
	var walk func(prefix string, section map[string]any)
	walk = func(prefix string, section map[string]any) {
		for name, value := range section {
			key := prefix + name
			if inner, ok := value.(map[string]any); ok {
				walk(key+".", inner)
				continue
			}
			variable := "SIGNET_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
			pattern := regexp.MustCompile(regexp.QuoteMeta(key) + `[=:]|\b` + variable + `\b`)
			all = append(all, usable{key, pattern, []string{key, variable}})
		}
	}
	walk("", sections)
	return all
}

// metricNames reads docs/metrics.md, which is generated from the definitions of
// the metrics.
func metricNames(t *testing.T) (all []usable) {
	t.Helper()
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllSubmatch(text, -1) {
		name := string(m[1])
		all = append(all, usable{name, regexp.MustCompile(`\b` + name + `\b`), []string{name}})
	}
	return all
}

// errorCodes are those of the error table, by the name of the constant or by the reason that callers see.
func errorCodes(t *testing.T) (all []usable) {
	t.Helper()
	text, err := os.ReadFile("../../internal/oauth/error.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range regexp.MustCompile(`(?m)^\t(\w+) +Code = "(\w+)"`).FindAllSubmatch(text, -1) {
		constant, code := "oauth."+string(c[1]), string(c[2])
		pattern := regexp.MustCompile(regexp.QuoteMeta(constant) + `\b|\b` + code + `\b|\b` + strings.ToUpper(code) + `\b`)
		all = append(all, usable{code, pattern, []string{constant, code, strings.ToUpper(code)}})
	}
	return all
}

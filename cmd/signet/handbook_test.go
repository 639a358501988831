package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signetd/signet/internal/pgtest"
)

// TestHandbook runs the commands of the operator's handbook as they stand there, on a real PostgreSQL.
func TestHandbook(t *testing.T) {
	if testing.Short() {
		t.Skip("to walk through the handbook takes two hundred calls of the program, whose commands the scripts run too")
	}
	parts := sections(t, "../../docs/handbook.md")
	database, restored := pgtest.Empty(t), pgtest.Empty(t)
	p := scripts("testdata/handbook")
	setup := p.Setup
	p.Setup = func(e *testscript.Env) error {
		e.Setenv("DATABASE", database)
		e.Setenv("RESTORED", restored)
		e.Setenv("SIGNET_STORE_URL_FILE", filepath.Join(e.WorkDir, "store-url"))
		e.Setenv("PATH", e.Getenv("PATH")+string(os.PathListSeparator)+filepath.Dir(postgresProgram("pg_dump")))
		return setup(e)
	}
	p.Cmds["block"] = func(ts *testscript.TestScript, _ bool, args []string) { runNext(ts, &parts, args[0]) }
	t.Cleanup(func() { // once the script has run, which does not keep this function waiting
		for _, left := range parts {
			t.Errorf("the script does not run what stands under %q", left.heading)
		}
	})
	testscript.Run(t, p)
}

// A section is a heading of a document and the commands under it.
type section struct {
	heading  string
	commands []string
}

// sections returns the sections of a document that have commands.
func sections(t *testing.T, file string) []section {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var found []section
	for _, part := range regexp.MustCompile(`(?m)^##+ `).Split(string(text), -1)[1:] {
		heading, body, _ := strings.Cut(part, "\n")
		if blocks := shellBlocks(body); len(blocks) > 0 {
			found = append(found, section{heading, blocks})
		}
	}
	return found
}

// runNext runs the next block of commands, which must be under that heading. One that starts a server is left to the script,
// which does it in the background, in SERVE.
func runNext(ts *testscript.TestScript, parts *[]section, heading string) {
	if len(*parts) == 0 || (*parts)[0].heading != heading {
		ts.Fatalf("%q is not what comes next: %q", heading, *parts)
	}
	s := &(*parts)[0]
	block := s.commands[0]
	if s.commands = s.commands[1:]; len(s.commands) == 0 {
		*parts = (*parts)[1:]
	}
	if strings.HasPrefix(block, "signet serve") {
		ts.Setenv("SERVE", "exec "+strings.TrimSpace(block))
		return
	}
	ts.Logf("handbook: %s", block)
	ts.Check(ts.Exec("bash", "-eo", "pipefail", "-c", block))
}

// TestHandbookQuotesTheProgram wants every sentence of the handbook's last table in the program.
func TestHandbookQuotesTheProgram(t *testing.T) {
	text, err := os.ReadFile("../../docs/handbook.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "## Troubleshooting")
	quoted := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1)
	if len(quoted) < 10 {
		t.Fatalf("the table has %d sentences", len(quoted))
	}
	source := sourceOf(t, "..", "../../keys", "../../config", "../../internal")
	for _, q := range quoted {
		for part := range strings.SplitSeq(q[1], " … ") {
			if !bytes.Contains(source, []byte(part)) {
				t.Errorf("nothing says %q", part)
			}
		}
	}
}

// sourceOf returns the text of all Go files below the folders, without the tests.
func sourceOf(t *testing.T, folders ...string) []byte {
	t.Helper()
	var all bytes.Buffer
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.Bytes()
}

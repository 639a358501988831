package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signetd/signet/internal/pgtest"
)

// TestHandbook runs the commands of docs/handbook.md on PostgreSQL, in their
// order.
func TestHandbook(t *testing.T) {
	if testing.Short() {
		t.Skip("the handbook has two hundred commands, which the scripts run too")
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
		return errors.Join(setup(e), prepareFailover(e))
	}
	p.Cmds["block"] = func(ts *testscript.TestScript, _ bool, args []string) { runNext(ts, &parts, args[0]) }
	t.Cleanup(func() { // the script runs in parallel, after this function
		for _, left := range parts {
			t.Errorf("the script does not run all commands of %q", left.heading)
		}
	})
	testscript.Run(t, p)
}

// prepareFailover sets DRILL to a new directory for the servers of the failover
// drill, and puts the programs of PostgreSQL that the drill runs into PATH. As
// root they run as another user, because they refuse root. At the end of the
// script it stops the servers.
func prepareFailover(e *testscript.Env) error {
	bin, err := pgtest.BinDir()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "drill") // a short path, for sockets
	if err != nil {
		return err
	}
	run := "exec"
	if os.Getuid() == 0 {
		run = "exec runuser -u postgres --"
		err = exec.Command("chown", "postgres", dir).Run()
	}
	programs := filepath.Join(e.WorkDir, "postgres")
	err = errors.Join(err, os.Mkdir(programs, 0o755))
	for _, name := range []string{"initdb", "pg_basebackup", "pg_ctl"} {
		script := fmt.Sprintf("#!/bin/sh\ncd / && %s %s \"$@\"\n", run, filepath.Join(bin, name))
		err = errors.Join(err, os.WriteFile(filepath.Join(programs, name), []byte(script), 0o755))
	}
	e.Setenv("DRILL", dir)
	e.Setenv("PATH", programs+string(os.PathListSeparator)+e.Getenv("PATH"))
	e.Defer(func() {
		for _, name := range []string{"a", "b"} {
			stop := exec.Command(filepath.Join(programs, "pg_ctl"), "stop", "-m", "immediate")
			stop.Env = append(os.Environ(), "PGDATA="+filepath.Join(dir, name))
			_ = stop.Run() // The script has stopped the servers, unless it failed.
		}
		_ = os.RemoveAll(dir)
	})
	return err
}

// A section is a heading of a document and the blocks of commands under it.
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

// runNext runs the next block of commands, which must be under the heading. It
// does not run a block that starts a server: it sets SERVE to the command,
// which the script runs in the background.
func runNext(ts *testscript.TestScript, parts *[]section, heading string) {
	if len(*parts) == 0 || (*parts)[0].heading != heading {
		ts.Fatalf("%q is not the next heading: %q", heading, *parts)
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

// The program has the messages in the last table of the handbook. The tests of
// this package contain the program.
func TestHandbook_QuotesMessages(t *testing.T) {
	text, err := os.ReadFile("../../docs/handbook.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "## Troubleshooting")
	quoted := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1)
	if len(quoted) < 10 {
		t.Fatalf("the table has only %d messages", len(quoted))
	}
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(executable)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range quoted {
		for part := range strings.SplitSeq(q[1], " … ") {
			if !bytes.Contains(program, []byte(part)) {
				t.Errorf("the program does not have the message %q", part)
			}
		}
	}
}

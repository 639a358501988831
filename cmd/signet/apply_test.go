package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signetd/signet/internal/pgtest"
)

// TestApplyPage runs the commands of docs/apply.md in one shell. Their output
// has the blocks that the page shows.
func TestApplyPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/apply.md")
	if err != nil {
		t.Fatal(err)
	}
	p := scripts("testdata/apply")
	p.Cmds["page"] = func(ts *testscript.TestScript, _ bool, _ []string) {
		ts.Check(ts.Exec("bash", "-eo", "pipefail", "-c", strings.Join(shellBlocks(string(text)), "")))
	}
	p.Cmds["shown"] = func(ts *testscript.TestScript, _ bool, _ []string) {
		blocks := strings.Split(string(text), "\n```\n\n```\n")[1:]
		if len(blocks) != 2 {
			ts.Fatalf("the page shows %d outputs, want 2", len(blocks))
		}
		for _, block := range blocks {
			shown, _, _ := strings.Cut(block, "```")
			if !strings.Contains(ts.ReadFile("stdout"), shown) {
				ts.Fatalf("the commands do not print:\n%s", shown)
			}
		}
	}
	testscript.Run(t, p)
}

// Several processes apply a file at the same moment: one makes the changes, and
// the others find nothing to change. If their files differ, all are applied.
func TestApply_ManyProcesses(t *testing.T) {
	for name, store := range map[string]func(testing.TB) string{
		"SQLite":   func(testing.TB) string { return "" },
		"Postgres": pgtest.Empty,
	} {
		t.Run(name, func(t *testing.T) {
			const processes, clients = 4, 1000
			m := newMachine(t, "SIGNET_ISSUER=https://login.example.com", "SIGNET_KEK_FILE=kek",
				"SIGNET_STORE_URL="+store(t))
			m.signet("", "keys", "--new-kek", "kek")
			m.signet("", "migrate")
			all := "audiences: [{id: api}]\nclients:\n- {id: app, secret_file: app.secret}\n"
			for n := range clients {
				all += fmt.Sprintf("- {id: client%d, audience: [api], cert_sans: ['dns:c%d.example']}\n", n, n)
			}
			made, unchanged := 0, 0
			for _, out := range m.applyAtOnce(processes, func(int) string { return all }) {
				made += strings.Count(out, fmt.Sprintf("\n%d created, 0 updated, 0 deleted\n", clients+2))
				unchanged += strings.Count(out, "no changes\n")
			}
			if made != 1 || unchanged != processes-1 {
				t.Errorf("%d processes created the clients, %d found nothing to change", made, unchanged)
			}
			own := func(n int) string { return fmt.Sprintf("clients: [{id: own%d}]", n) }
			for n, out := range m.applyAtOnce(processes, own) {
				if !strings.Contains(out, fmt.Sprintf("create client own%d\n", n)) {
					t.Errorf("process %d printed %s", n, out)
				}
			}
			if list := m.signet("", "clients", "list"); strings.Count(list, "\n") != 1+clients+1+processes {
				t.Errorf("there are %d lines of clients", strings.Count(list, "\n"))
			}
		})
	}
}

// applyAtOnce runs signet apply in n processes at once and returns what they
// printed. file returns the text of the file of each.
func (m *machine) applyAtOnce(n int, file func(i int) string) []string {
	m.t.Helper()
	out := make([]string, n)
	var all sync.WaitGroup
	for i := range n {
		name := fmt.Sprintf("%d.yaml", i)
		if err := os.WriteFile(filepath.Join(m.dir, name), []byte(file(i)), 0o644); err != nil {
			m.t.Fatal(err)
		}
		all.Go(func() {
			c := m.command("apply", name)
			c.Stderr = m.stderr
			text, err := c.Output()
			if out[i] = string(text); err != nil {
				m.t.Errorf("process %d: %v", i, err)
			}
		})
	}
	all.Wait()
	return out
}

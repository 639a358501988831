package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signetd/signet/cmd/signet-lab/internal/table"
)

// TestMain makes the test binary behave like signet-lab when it starts itself
// as a subprocess.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "reference" || os.Args[1] == "hash") {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestTable measures some rows for a short time with the real servers: a
// Postgres, pgbench, issuers and the reference server.
func TestTable(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds an issuer and starts a Postgres to measure, which the full form does")
	}
	file := filepath.Join(t.TempDir(), "table.json")
	c := tableCommand()
	c.SetArgs([]string{
		"--rounds", "1", "--warm-up", "0s", "--duration", "1s", "--grants", "20000", "--json", file,
		"--only", "one at a time|JWK|Mint, RS256|10,000|p99|resident|start|HTTP|one user|disabled|check",
	})
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetErr(io.Discard)
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}

	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows []table.Row
	if err := json.Unmarshal(text, &rows); err != nil || len(rows) != 20 {
		t.Fatalf("%d rows, %v:\n%s", len(rows), err, text)
	}
	for _, r := range rows {
		if r.Ratio <= 0 || r.Measured <= 0 || !strings.Contains(out.String(), r.Name) {
			t.Errorf("%+v in\n%s", r, out.String())
		}
	}

	for _, invalid := range [][]string{
		{"--rounds", "0"},
		{"--duration", "10ms"},
		{"--grants", "5"},
		{"--only", "("},
		{"anything"},
	} {
		c := tableCommand()
		c.SetArgs(invalid)
		c.SilenceErrors, c.SilenceUsage = true, true
		if err := c.ExecuteContext(t.Context()); err == nil {
			t.Errorf("table %v succeeded", invalid)
		}
	}
}

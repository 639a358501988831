package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signetd/signet/cmd/signet-lab/internal/overload"
)

// TestOverload is a short form of the experiment: a tenth of the clients, with
// a twentieth of the processor time. The leeway is so short that the retry of
// an answer that comes too late is outside it.
func TestOverload(t *testing.T) {
	t.Parallel() // it mostly waits
	if testing.Short() {
		t.Skip("it builds an issuer, starts a Postgres and overloads the issuer for 20 s, which the full form does")
	}
	file := filepath.Join(t.TempDir(), "overload.json")
	c := overloadCommand()
	c.SetArgs([]string{
		"--clients", "200", "--cpus", "0.025", "--duration", "2s", "--leeway", "2s", "--postgres", "--json", file,
	})
	var out bytes.Buffer
	c.SetOut(&out)
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Log(out.String())

	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var reports []overload.Report
	if err := json.Unmarshal(text, &reports); err != nil || len(reports) != 2 || reports[0].Keys || !reports[1].Keys {
		t.Fatalf("%v: %s", err, text)
	}
	for _, r := range reports {
		if r.Lost > 0 || r.Others > 0 || r.Unanswered > 0 || r.Refreshes < 200 {
			t.Errorf("%+v", r)
		}
	}
	if !strings.Contains(out.String(), "0 of 200") {
		t.Errorf("the table does not have the lost logins:\n%s", out.String())
	}
}

func TestOverload_RejectsInvalidOptions(t *testing.T) {
	for _, invalid := range [][]string{
		{"--clients", "0"},
		{"--cpus", "0"},
		{"--duration", "1ms"},
		{"--leeway", "61s"},
		{"--algorithm", "HS256"},
		{"anything"},
	} {
		c := overloadCommand()
		c.SetArgs(invalid)
		c.SilenceErrors, c.SilenceUsage = true, true
		if err := c.ExecuteContext(t.Context()); err == nil {
			t.Errorf("overload %v succeeded", invalid)
		}
	}
}

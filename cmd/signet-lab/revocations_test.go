package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/signetd/signet/cmd/signet-lab/internal/revocations"
)

// TestRevocations is a short form of the experiment: a tenth of the verifiers,
// and a hundredth of the revocations. The server of the verifiers is killed
// meanwhile. No verifier may miss a revocation.
func TestRevocations(t *testing.T) {
	t.Parallel() // it mostly waits
	if testing.Short() {
		t.Skip("it builds an issuer and starts a Postgres and two servers, which the full form does")
	}
	file := filepath.Join(t.TempDir(), "revocations.json")
	c := revocationsCommand()
	c.SetArgs([]string{
		"--verifiers", "20", "--revocations", "100", "--rate", "25", "--restart-every", "2s", "--json", file,
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
	var r revocations.Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if r.Missed > 0 || r.Revocations != 100 || r.Restarts == 0 || r.EachMax == 0 {
		t.Errorf("%+v", r)
	}
}

func TestRevocations_RejectsInvalidOptions(t *testing.T) {
	for _, invalid := range [][]string{
		{"--verifiers", "0"},
		{"--revocations", "0"},
		{"--rate", "0"},
		{"--poll-interval", "1ms"},
		{"--restart-every", "1ms"},
		{"anything"},
	} {
		c := revocationsCommand()
		c.SetArgs(invalid)
		c.SilenceErrors, c.SilenceUsage = true, true
		if err := c.ExecuteContext(t.Context()); err == nil {
			t.Errorf("revocations %v succeeded", invalid)
		}
	}
}

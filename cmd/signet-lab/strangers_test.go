package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/signetd/signet/cmd/signet-lab/internal/memlimit"
	"github.com/signetd/signet/cmd/signet-lab/internal/strangers"
)

// TestStrangers is a short form of the experiment, with a twentieth of the
// strangers. In full, it is the acceptance of the bounds.
func TestStrangers(t *testing.T) {
	args := []string{"--streams", "5000", "--connections", "1000", "--duration", "6s", "--rate", "20"}
	switch {
	case os.Getenv("SIGNET_TEST_LONG") != "":
		args = []string{"--duration", "1m"}
	case testing.Short():
		t.Skip("it builds an issuer and attacks it for 6 s, which the full form does")
	}
	file := filepath.Join(t.TempDir(), "strangers.json")
	c := strangersCommand()
	c.SetArgs(append(args, "--json", file))
	var out bytes.Buffer
	c.SetOut(&out)
	if err := c.ExecuteContext(t.Context()); errors.Is(err, memlimit.ErrNone) {
		t.Skip(err) // this process may not limit the memory of another one
	} else if err != nil {
		t.Fatal(err)
	}
	t.Log(out.String())

	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r strangers.Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if r.Failed > 0 || r.Answered == 0 || r.PeakMiB < 1 || r.PeakMiB > 230 {
		t.Errorf("%+v", r)
	}
}

func TestStrangers_RejectsInvalidOptions(t *testing.T) {
	for _, invalid := range [][]string{
		{"--streams", "-1"},
		{"--streams-per-connection", "0"},
		{"--addresses", "0"},
		{"--memory", "1"},
		{"--duration", "1ms"},
		{"--rate", "0"},
		{"anything"},
	} {
		c := strangersCommand()
		c.SetArgs(invalid)
		c.SilenceErrors, c.SilenceUsage = true, true
		if err := c.ExecuteContext(t.Context()); err == nil {
			t.Errorf("strangers %v succeeded", invalid)
		}
	}
}

package main

import (
	"strings"
	"testing"
	"unicode"
)

// TestTablesCannotBeForged: whatever a user or client is called, it is one cell of one line.
func TestTablesCannotBeForged(t *testing.T) {
	const nasty = "a\nb\tc\x1b[2J\u202ed\u009be\x00"
	var out strings.Builder
	table{{"NAME", "STATE"}, {nasty, ""}, {"x", "y"}}.print(&out)
	sheet{{"name", nasty}, {"empty", ""}}.print(&out)
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 4 {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
	if i := strings.IndexFunc(strings.Join(lines, ""), func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		t.Errorf("something is not printable: %q", lines)
	}
	if !strings.HasSuffix(lines[1], "-") {
		t.Errorf("an empty cell has no dash: %q", lines[1])
	}
}

func TestParseClaims(t *testing.T) {
	claims, err := parseClaims([]string{"roles=a,b", "one=x,", "tenant=acme", "twice=a", "twice=b", "none=", "eq=a=b"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := claimsText(claims), "eq=a=b none=<nil> one=[x] roles=[a b] tenant=acme twice=[a b]"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, wrong := range []string{"", "x", "=x"} {
		if _, err := parseClaims([]string{wrong}); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
}

func TestReachable(t *testing.T) {
	for address, want := range map[string]string{
		"0.0.0.0:80": "127.0.0.1:80", ":80": "127.0.0.1:80", "[::]:80": "[::1]:80", "127.0.0.1:80": "127.0.0.1:80",
		"10.1.2.3:80": "10.1.2.3:80", "host:80": "host:80", "nonsense": "nonsense",
	} {
		if got := reachable(address); got != want {
			t.Errorf("%q is reached at %q, want %q", address, got, want)
		}
	}
}

// TestPlainTextStaysHere: passwords leave the machine under TLS only, unless the configuration says that something else
// protects them.
func TestPlainTextStaysHere(t *testing.T) {
	for address, here := range map[string]bool{
		"127.0.0.1:1": true, "localhost:1": true, "[::1]:1": true, "10.0.0.1:1": false, "localhost.example.com:1": false, "127.0.0.1.nip.io:1": false,
		"0.0.0.0:1": false, "nonsense": false,
	} {
		if isLoopback(address) != here {
			t.Errorf("%s: loopback is %t", address, !here)
		}
	}
}

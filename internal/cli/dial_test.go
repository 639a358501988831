package cli

import "testing"

// Rule 72: commands use plain text only with an issuer on this machine, unless
// the configuration allows it. Their requests have passwords.
func TestRule72_PlainTextOnlyOnLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "localhost:1": true, "[::1]:1": true,
		"10.0.0.1:1": false, "localhost.example.com:1": false, "127.0.0.1.nip.io:1": false,
		"0.0.0.0:1": false, "nonsense": false,
	} {
		if isLoopback(address) != want {
			t.Errorf("isLoopback(%q) = %t, want %t", address, !want, want)
		}
	}
}

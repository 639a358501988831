package app

import "testing"

func TestDialAddress(t *testing.T) {
	for listen, want := range map[string]string{
		"0.0.0.0:80": "127.0.0.1:80", ":80": "127.0.0.1:80", "[::]:80": "[::1]:80",
		"127.0.0.1:80": "127.0.0.1:80", "10.1.2.3:80": "10.1.2.3:80", "host:80": "host:80", "nonsense": "nonsense",
	} {
		if got := DialAddress(listen); got != want {
			t.Errorf("DialAddress(%q) = %q, want %q", listen, got, want)
		}
	}
}

package client

import "testing"

func TestClientSecrets(t *testing.T) {
	c := Client{Secrets: []Secret{{Hash: HashSecret("old")}, {Hash: HashSecret("new")}}}
	for secret, want := range map[string]bool{"old": true, "new": true, "": false, "other": false} {
		if c.SecretMatches(secret) != want {
			t.Errorf("%q: %v", secret, !want)
		}
	}
	if (Client{}).SecretMatches("") {
		t.Error("the empty secret matches a client without secrets")
	}
}

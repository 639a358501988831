package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Rule 54: both doors of the program go by trusted_proxies, and by nothing where there are none.
func TestRule54_TrustedProxiesOfBothDoors(t *testing.T) {
	const caller, spoofed = "198.51.100.7", "192.0.2.1"
	for name, c := range map[string]struct{ setting, want string }{
		"trusted": {"SIGNET_TRUSTED_PROXIES=10.0.0.0/8, 127.0.0.1", caller},
		"nobody":  {"SIGNET_TRUSTED_PROXIES=", "127.0.0.1"},
		"others":  {"SIGNET_TRUSTED_PROXIES=10.0.0.0/8", "127.0.0.1"},
	} {
		m := newDemo(t, c.setting)
		p := m.start("--dev").ready()
		m.signet("", "clients", "create", "app", "--public", "--audience", demoAudience)
		if !eventually(func() bool {
			ctx, cancel := as(t, "app", "")
			defer cancel()
			ctx = metadata.AppendToOutgoingContext(ctx, "x-forwarded-for", spoofed+", "+caller+", 10.0.0.9")
			_, err := tokens(t, m.grpc).Login(ctx, &signetv1.LoginRequest{Username: "nobody", Password: "wrong"})
			return err != nil && strings.Contains(p.log.String(), `"event":"login.failed"`)
		}) {
			t.Fatal("no login was refused")
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+m.http+"/oauth2/revoke",
			strings.NewReader(url.Values{"client_id": {"app"}, "token": {"x"}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Forwarded-For", spoofed+", "+caller+", 10.0.0.9")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		for door, line := range map[string]string{"grpc": `"ip":"` + c.want + `"`, "http": "origin=" + c.want} {
			if !eventually(func() bool { return strings.Contains(p.log.String(), line) }) { // it is written behind the answer
				t.Errorf("%s: the %s door does not say %s", name, door, line)
			}
		}
		text := p.log.String()
		if strings.Contains(text, spoofed) || c.want != caller && strings.Contains(text, caller) {
			t.Errorf("%s: who is not to be believed is", name)
		}
	}
}

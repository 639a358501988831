package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Rule 54: the HTTP and the gRPC API take the caller's address from
// X-Forwarded-For only if the peer is in trusted_proxies.
func TestRule54_TrustedProxiesOfBothAPIs(t *testing.T) {
	const caller, spoofed = "198.51.100.7", "192.0.2.1"
	const forwardedFor = spoofed + ", " + caller + ":4711, 10.0.0.9"
	const forwarded = "for=" + spoofed + `, for="` + caller + `:4711";proto=https, for=10.0.0.9`
	const trusted = "SIGNET_TRUSTED_PROXIES=10.0.0.0/8, 127.0.0.1"
	for name, c := range map[string]struct{ setting, header, value, want string }{
		"trusted":  {trusted, "X-Forwarded-For", forwardedFor, caller},
		"none":     {"SIGNET_TRUSTED_PROXIES=", "X-Forwarded-For", forwardedFor, "127.0.0.1"},
		"others":   {"SIGNET_TRUSTED_PROXIES=10.0.0.0/8", "X-Forwarded-For", forwardedFor, "127.0.0.1"},
		"RFC 7239": {trusted, "Forwarded", forwarded, caller},
	} {
		m := newDemoMachine(t, c.setting, "SIGNET_PROXY_HEADER="+c.header, "SIGNET_LOG_LEVEL=debug")
		p := m.start("--dev").ready()
		m.signet("", "clients", "create", "app", "--public", "--audience", demoAudience)
		if !eventually(func() bool {
			ctx, cancel := asClient(t, "app", "")
			defer cancel()
			ctx = metadata.AppendToOutgoingContext(ctx, c.header, c.value)
			_, err := tokens(t, m.grpc).Login(ctx, &signetv1.LoginRequest{Username: "nobody", Password: "wrong"})
			return err != nil && strings.Contains(p.log.String(), `"event":"login.failed"`)
		}) {
			t.Fatal("the audit log has no failed login")
		}

		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+m.http+"/oauth2/revoke",
			strings.NewReader(url.Values{"client_id": {"app"}, "token": {"x"}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(c.header, c.value)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()

		for api, line := range map[string]string{"grpc": `"ip":"` + c.want + `"`, "http": "origin=" + c.want} {
			// The server writes the log line after the response.
			if !eventually(func() bool { return strings.Contains(p.log.String(), line) }) {
				t.Errorf("%s: the log of the %s request has no %s", name, api, line)
			}
		}
		text := p.log.String()
		if strings.Contains(text, spoofed) || c.want != caller && strings.Contains(text, caller) {
			t.Errorf("%s: the log has an address that an untrusted peer sent", name)
		}
	}
}

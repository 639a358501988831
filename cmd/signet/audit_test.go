package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// records returns the audit events in a file, whole lines only.
func records(t *testing.T, path string) (all []map[string]any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var record map[string]any
		if json.Unmarshal([]byte(line), &record) == nil && record["event"] != nil {
			all = append(all, record)
		}
	}
	return all
}

// logTo starts a server that writes its log and audit events into a file, as a unit of systemd does.
func (m *machine) logTo(path string) *process {
	m.t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		m.t.Fatal(err)
	}
	defer file.Close()
	p := m.prepare("--dev")
	p.c.Stderr = file
	return p.run().ready()
}

// TestRule69_RecordsSurviveTheKill: what somebody has an answer to is in the audit log, once, with who did it, to what, under
// which request and how it ended, although the process is killed the moment that the answer is there.
func TestRule69_RecordsSurviveTheKill(t *testing.T) {
	m := newDemo(t, "SIGNET_LOG_FORMAT=json")
	log := filepath.Join(t.TempDir(), "log")
	p := m.logTo(log)
	facts := m.facts()
	var grant *signetv1.TokenResponse
	login := func(ctx context.Context, c signetv1.TokenServiceClient, password string) error {
		answer, err := c.Login(ctx, &signetv1.LoginRequest{Username: facts.Username, Password: password})
		if err == nil {
			grant = answer
		}
		return err
	}
	refresh := func(ctx context.Context, c signetv1.TokenServiceClient, token string) (string, error) {
		answer, err := c.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: token})
		return answer.GetRefreshToken(), err
	}
	for n, act := range []struct {
		event, outcome, reason, target string
		do                             func(context.Context, signetv1.TokenServiceClient) (refused bool, err error)
	}{
		{"login.succeeded", "success", "", "grant:", func(ctx context.Context, c signetv1.TokenServiceClient) (bool, error) {
			return false, login(ctx, c, facts.Password)
		}},
		{"login.failed", "failure", "wrong_password", "user:usr_", func(ctx context.Context, c signetv1.TokenServiceClient) (bool, error) {
			return true, login(ctx, c, "not the password")
		}},
		{"login.failed", "failure", "unknown_user", "user:unknown", func(ctx context.Context, c signetv1.TokenServiceClient) (bool, error) {
			_, err := c.Login(ctx, &signetv1.LoginRequest{Username: "nobody", Password: "not the password"})
			return true, err
		}},
		{"refresh.reused", "failure", "", "grant:", func(ctx context.Context, c signetv1.TokenServiceClient) (bool, error) {
			second, err := refresh(ctx, c, grant.GetRefreshToken())
			if err != nil {
				return false, err
			}
			if _, err := refresh(ctx, c, second); err != nil {
				return false, err
			}
			_, err = refresh(ctx, c, grant.GetRefreshToken())
			return true, err
		}},
		{"grant.revoked", "success", "client", "grant:", func(ctx context.Context, c signetv1.TokenServiceClient) (bool, error) {
			if err := login(ctx, c, facts.Password); err != nil {
				return false, err
			}
			_, err := c.Revoke(ctx, &signetv1.RevokeRequest{Token: grant.GetRefreshToken()})
			return false, err
		}},
	} {
		request := "request-" + string(rune('a'+n))
		ctx, cancel := as(t, facts.ClientID, facts.ClientSecret)
		refused, err := act.do(metadata.AppendToOutgoingContext(ctx, "x-request-id", request), tokens(t, m.grpc))
		p.kill() // nothing is between the answer and this
		cancel()
		if (err != nil) != refused {
			t.Fatalf("%s: %v", act.event, err)
		}
		found := 0
		for _, r := range records(t, log) {
			if r["event"] != act.event || r["request_id"] != request {
				continue
			}
			found++
			reason, _ := r["reason"].(string)
			target, _ := r["target"].(string)
			if r["actor"] != facts.ClientID || r["outcome"] != act.outcome || reason != act.reason || !strings.HasPrefix(target, act.target) || r["time"] == nil {
				t.Errorf("%s is recorded as %v", act.event, r)
			}
		}
		if found != 1 {
			t.Errorf("%s has %d records", act.event, found)
		}
		p = m.logTo(log)
	}
	t.Run("operator", func(t *testing.T) { recordsOfOperators(t, m) })
}

// recordsOfOperators looks at what commands write beside a server: changes of keys and of everything else.
func recordsOfOperators(t *testing.T, m *machine) {
	for _, act := range []struct{ args, event, target string }{
		{"audiences create records-api", "audience.created", "audience:records-api"},
		{"audiences update records-api --alg ES256", "audience.updated", "audience:records-api"},
		{"clients create records-client --audience records-api", "client.created", "client:records-client"},
		{"clients disable records-client", "client.updated", "client:records-client"},
		{"clients delete records-client", "client.deleted", "client:records-client"},
		{"audiences delete records-api", "audience.deleted", "audience:records-api"},
		{"users disable demo", "user.disabled", "user:usr_"},
		{"users enable demo", "user.enabled", "user:usr_"},
		{"grants revoke --user demo", "grant.revoked", "user:usr_"},
		{"keys --rotate --alg mac --now", "key.rotated", "key:"},
		{"users delete demo", "user.deleted", "user:usr_"},
	} {
		path := filepath.Join(t.TempDir(), "stderr")
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		c := m.command(strings.Fields(act.args)...)
		c.Stderr = file
		if err := c.Run(); err != nil {
			t.Errorf("signet %s: %v", act.args, err)
		}
		file.Close()
		found := 0
		for _, r := range records(t, path) {
			actor, _ := r["actor"].(string)
			target, _ := r["target"].(string)
			if r["event"] != act.event {
				continue
			}
			found++
			if !strings.HasPrefix(actor, "operator:") || !strings.HasPrefix(target, act.target) || r["request_id"] == nil || r["outcome"] != "success" {
				t.Errorf("signet %s is recorded as %v", act.args, r)
			}
		}
		if found != 1 {
			t.Errorf("signet %s has %d records", act.args, found)
		}
	}
}

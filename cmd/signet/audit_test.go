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

// auditRecords returns the audit events in a file. It skips incomplete lines.
func auditRecords(t *testing.T, path string) (all []map[string]any) {
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

// startWithLog starts a server whose stderr is a file, as in a systemd unit.
func (m *machine) startWithLog(path string) *process {
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

// A loggedRequest is a request and the audit event that it must cause.
type loggedRequest struct {
	event, outcome, reason, target string
	// send sends the request. rejected reports whether the server must reject
	// it.
	send func(context.Context, signetv1.TokenServiceClient) (rejected bool, err error)
}

// Rule 69: the server writes the audit event before it answers. The process is
// killed as soon as the response is there. The audit log then has one record
// with the actor, the target, the request id and the outcome.
func TestRule69_AuditRecordsSurviveKill(t *testing.T) {
	m := newDemoMachine(t, "SIGNET_LOG_FORMAT=json")
	log := filepath.Join(t.TempDir(), "log")
	p := m.startWithLog(log)
	demo := m.demo()
	for n, r := range loggedRequests(demo.Username, demo.Password) {
		requestID := "request-" + string(rune('a'+n))
		ctx, cancel := asClient(t, demo.ClientID, demo.ClientSecret)
		rejected, err := r.send(metadata.AppendToOutgoingContext(ctx, "x-request-id", requestID), tokens(t, m.grpc))
		p.kill() // immediately after the response
		cancel()
		if (err != nil) != rejected {
			t.Fatalf("%s: %v", r.event, err)
		}

		found := 0
		for _, record := range auditRecords(t, log) {
			if record["event"] != r.event || record["request_id"] != requestID {
				continue
			}
			found++
			reason, _ := record["reason"].(string)
			target, _ := record["target"].(string)
			if record["actor"] != demo.ClientID || record["outcome"] != r.outcome || reason != r.reason ||
				!strings.HasPrefix(target, r.target) || record["time"] == nil {
				t.Errorf("the record of %s is %v", r.event, record)
			}
		}
		if found != 1 {
			t.Errorf("%s has %d records, want 1", r.event, found)
		}
		p = m.startWithLog(log)
	}
	t.Run("operator", func(t *testing.T) { checkOperatorRecords(t, m) })
}

// loggedRequests returns requests of a user that cause audit events.
func loggedRequests(username, password string) []loggedRequest {
	var grant *signetv1.TokenResponse
	login := func(ctx context.Context, c signetv1.TokenServiceClient, password string) error {
		response, err := c.Login(ctx, &signetv1.LoginRequest{Username: username, Password: password})
		if err == nil {
			grant = response
		}
		return err
	}
	refresh := func(ctx context.Context, c signetv1.TokenServiceClient, token string) (string, error) {
		response, err := c.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: token})
		return response.GetRefreshToken(), err
	}
	return []loggedRequest{
		{
			"login.succeeded", "success", "", "grant:",
			func(ctx context.Context, c signetv1.TokenServiceClient) (bool, error) {
				return false, login(ctx, c, password)
			},
		},
		{
			"login.failed", "failure", "wrong_password", "user:usr_",
			func(ctx context.Context, c signetv1.TokenServiceClient) (bool, error) {
				return true, login(ctx, c, "not the password")
			},
		},
		{
			"login.failed", "failure", "unknown_user", "user:unknown",
			func(ctx context.Context, c signetv1.TokenServiceClient) (bool, error) {
				_, err := c.Login(ctx, &signetv1.LoginRequest{Username: "nobody", Password: "not the password"})
				return true, err
			},
		},
		{
			"refresh.reused", "failure", "", "grant:",
			func(ctx context.Context, c signetv1.TokenServiceClient) (bool, error) {
				second, err := refresh(ctx, c, grant.GetRefreshToken())
				if err != nil {
					return false, err
				}
				if _, err := refresh(ctx, c, second); err != nil {
					return false, err
				}
				_, err = refresh(ctx, c, grant.GetRefreshToken())
				return true, err
			},
		},
		{
			"grant.revoked", "success", "client", "grant:",
			func(ctx context.Context, c signetv1.TokenServiceClient) (bool, error) {
				if err := login(ctx, c, password); err != nil {
					return false, err
				}
				_, err := c.Revoke(ctx, &signetv1.RevokeRequest{Token: grant.GetRefreshToken()})
				return false, err
			},
		},
	}
}

// checkOperatorRecords checks the audit events of an operator's commands.
func checkOperatorRecords(t *testing.T, m *machine) {
	for _, command := range []struct{ args, event, target string }{
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
		c := m.command(strings.Fields(command.args)...)
		c.Stderr = file
		if err := c.Run(); err != nil {
			t.Errorf("signet %s: %v", command.args, err)
		}
		file.Close()

		found := 0
		for _, record := range auditRecords(t, path) {
			actor, _ := record["actor"].(string)
			target, _ := record["target"].(string)
			if record["event"] != command.event {
				continue
			}
			found++
			if !strings.HasPrefix(actor, "operator:") || !strings.HasPrefix(target, command.target) ||
				record["request_id"] == nil || record["outcome"] != "success" {
				t.Errorf("the record of signet %s is %v", command.args, record)
			}
		}
		if found != 1 {
			t.Errorf("signet %s has %d records, want 1", command.args, found)
		}
	}
}

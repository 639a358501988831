package adminrpc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Rule 69: Each call that changes something has one audit record with its
// actor, its request id and its target.
func TestRule69_AdminCallsAreRecorded(t *testing.T) {
	f := newFixture(t)
	ctx := f.AsAdmin(t)
	spare := func() string {
		for _, row := range f.Keys.Rows() {
			if row.Algorithm == "ES256" && row.State == "pre-active" {
				return row.Key
			}
		}
		return ""
	}()
	id := "usr_"
	for _, c := range []struct {
		event, target string
		call          func() error
	}{
		{"user.created", "user:" + id, func() error {
			_, err := f.AdminService.CreateUser(ctx, &signetv1.CreateUserRequest{
				Username: "grace", Password: "a very good password",
			})
			return err
		}},
		{"user.password_set", "user:" + id, func() error {
			_, err := f.AdminService.SetUserPassword(ctx, &signetv1.SetUserPasswordRequest{
				Username: "grace", Password: "one that is better",
			})
			return err
		}},
		{"user.claims_set", "user:" + id, func() error {
			_, err := f.AdminService.SetUserClaims(ctx, &signetv1.SetUserClaimsRequest{Username: "grace"})
			return err
		}},
		{"user.disabled", "user:" + id, func() error {
			_, err := f.AdminService.DisableUser(ctx, &signetv1.DisableUserRequest{Username: "grace"})
			return err
		}},
		{"user.enabled", "user:" + id, func() error {
			_, err := f.AdminService.EnableUser(ctx, &signetv1.EnableUserRequest{Username: "grace"})
			return err
		}},
		{"user.unlocked", "user:" + id, func() error {
			_, err := f.AdminService.UnlockUser(ctx, &signetv1.UnlockUserRequest{Username: "grace"})
			return err
		}},
		{"user.deleted", "user:" + id, func() error {
			_, err := f.AdminService.DeleteUser(ctx, &signetv1.DeleteUserRequest{Username: "grace"})
			return err
		}},
		{"client.created", "client:x", func() error {
			_, err := f.AdminService.CreateClient(ctx, &signetv1.CreateClientRequest{Client: &signetv1.Client{Id: "x"}})
			return err
		}},
		{"client.updated", "client:x", func() error {
			_, err := f.AdminService.RotateClientSecret(ctx, &signetv1.RotateClientSecretRequest{Id: "x"})
			return err
		}},
		{"revocation.added", "client:x", func() error {
			_, err := f.AdminService.AddRevocation(ctx, &signetv1.AddRevocationRequest{ClientId: "x"})
			return err
		}},
		{"client.deleted", "client:x", func() error {
			_, err := f.AdminService.DeleteClient(ctx, &signetv1.DeleteClientRequest{Id: "x"})
			return err
		}},
		{"audience.created", "audience:y", func() error {
			_, err := f.AdminService.CreateAudience(ctx, &signetv1.CreateAudienceRequest{
				Audience: &signetv1.Audience{Id: "y"},
			})
			return err
		}},
		{"audience.deleted", "audience:y", func() error {
			_, err := f.AdminService.DeleteAudience(ctx, &signetv1.DeleteAudienceRequest{Id: "y"})
			return err
		}},
		{"canary.issued", "key:" + spare, func() error {
			r, err := f.AdminService.IssueCanary(ctx, &signetv1.IssueCanaryRequest{Audience: "api-es"})
			if r.GetKid() != spare || r.GetAlgorithm() != "ES256" || r.GetAccessToken() == "" ||
				r.GetExpiresAt() == nil {
				t.Errorf("canary token %v", r)
			}
			return err
		}},
		{"key.rotated", "key:" + spare, func() error {
			_, err := f.AdminService.RotateKeys(ctx, &signetv1.RotateKeysRequest{Algorithms: []string{"ES256"}})
			return err
		}},
		{"key.cancelled", "key:" + spare, func() error {
			_, err := f.AdminService.CancelKey(ctx, &signetv1.CancelKeyRequest{Kid: spare})
			return err
		}},
		{"key.compromised", "key:" + spare, func() error {
			_, err := f.AdminService.CompromiseKey(ctx, &signetv1.CompromiseKeyRequest{Kid: spare})
			return err
		}},
	} {
		must(t, c.call())
		events := takeEvents(f)
		if len(events) != 1 || events[0].Name != c.event || !strings.HasPrefix(events[0].Target(), c.target) ||
			events[0].Actor.Name != "ops" || events[0].Actor.RequestID != "req-1" {
			t.Errorf("%s of %s: %+v", c.event, c.target, events)
		}
	}

	in := f.AdminLogIn(t, "ops")
	takeEvents(f)
	user := rpctest.WithAuthorization(t, "Bearer "+in.GetAccessToken())
	_, err := f.AdminService.CreateAudience(user, &signetv1.CreateAudienceRequest{
		Audience: &signetv1.Audience{Id: "z"},
	})
	must(t, err)
	if events := takeEvents(f); len(events) != 1 || events[0].Actor.Name != in.GetSubject() ||
		events[0].Actor.RequestID == "" {
		t.Errorf("call of a user: %+v", events)
	}
	if line := f.Logs.Line(t, "call"); line["sub"] != in.GetSubject() || line["client_id"] != "ops" {
		t.Errorf("logged %v", line)
	}

	f.Events.FailWith(errors.New("the disk is full"))
	for name, err := range map[string]error{
		"user": func() error {
			_, err := f.AdminService.DisableUser(ctx, &signetv1.DisableUserRequest{Username: username})
			return err
		}(),
		"key": func() error {
			_, err := f.AdminService.RotateKeys(ctx, &signetv1.RotateKeysRequest{Algorithms: []string{"mac"}})
			return err
		}(),
	} {
		if reason(err) != "TEMPORARILY_UNAVAILABLE" || strings.Contains(err.Error(), "disk") {
			t.Errorf("%s, without an audit log: %v", name, err)
		}
	}
}

// Rule 66: No secret is printed or logged.
func TestRule66_AdminCallsAreLoggedWithoutTheirContents(t *testing.T) {
	f := newFixture(t)
	ctx := f.AsAdmin(t)
	_, err := f.AdminService.CreateUser(ctx, &signetv1.CreateUserRequest{
		Username: "canary-name", Password: "canary sings unheard 1",
	})
	must(t, err)
	_, err = f.AdminService.SetUserPassword(ctx, &signetv1.SetUserPasswordRequest{
		Username: "canary-name", Password: "canary sings unheard 2",
	})
	must(t, err)
	_, err = f.AdminService.CreateUser(ctx, &signetv1.CreateUserRequest{
		Username: "canary\x00name", Password: "canary sings unheard 3",
	})
	if reason(err) != "INVALID_REQUEST" {
		t.Errorf("malformed user name: %v", err)
	}
	created, err := f.AdminService.CreateClient(ctx, &signetv1.CreateClientRequest{
		Client: &signetv1.Client{Name: "canary-client"},
	})
	must(t, err)
	rotated, err := f.AdminService.RotateClientSecret(ctx, &signetv1.RotateClientSecretRequest{
		Id: created.GetClient().GetId(),
	})
	must(t, err)
	text := f.Logs.Text()
	for _, private := range []string{"canary", created.GetClientSecret(), rotated.GetClientSecret()} {
		if private == "" || strings.Contains(text, private) {
			t.Errorf("the log has %q", private)
		}
	}
}

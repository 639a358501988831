package rpc

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/signetd/signet/internal/audit"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Rule 69: every act of administration has one record, with who called, the request and what it was done to.
func TestRule69_AdminCallsAreRecorded(t *testing.T) {
	h := openHouse(t)
	ctx, heard := h.administrate(t), h.listen()
	spare := func() string {
		for _, row := range h.ring.Rows() {
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
			_, err := h.operator.CreateUser(ctx, &signetv1.CreateUserRequest{Username: "grace", Password: "a very good password"})
			return err
		}},
		{"user.password_set", "user:" + id, func() error {
			_, err := h.operator.SetUserPassword(ctx, &signetv1.SetUserPasswordRequest{Username: "grace", Password: "one that is better"})
			return err
		}},
		{"user.claims_set", "user:" + id, func() error {
			_, err := h.operator.SetUserClaims(ctx, &signetv1.SetUserClaimsRequest{Username: "grace"})
			return err
		}},
		{"user.disabled", "user:" + id, func() error {
			_, err := h.operator.DisableUser(ctx, &signetv1.DisableUserRequest{Username: "grace"})
			return err
		}},
		{"user.enabled", "user:" + id, func() error {
			_, err := h.operator.EnableUser(ctx, &signetv1.EnableUserRequest{Username: "grace"})
			return err
		}},
		{"user.unlocked", "user:" + id, func() error {
			_, err := h.operator.UnlockUser(ctx, &signetv1.UnlockUserRequest{Username: "grace"})
			return err
		}},
		{"user.deleted", "user:" + id, func() error {
			_, err := h.operator.DeleteUser(ctx, &signetv1.DeleteUserRequest{Username: "grace"})
			return err
		}},
		{"client.created", "client:x", func() error {
			_, err := h.operator.CreateClient(ctx, &signetv1.CreateClientRequest{Client: &signetv1.Client{Id: "x"}})
			return err
		}},
		{"client.updated", "client:x", func() error {
			_, err := h.operator.RotateClientSecret(ctx, &signetv1.RotateClientSecretRequest{Id: "x"})
			return err
		}},
		{"client.deleted", "client:x", func() error {
			_, err := h.operator.DeleteClient(ctx, &signetv1.DeleteClientRequest{Id: "x"})
			return err
		}},
		{"audience.created", "audience:y", func() error {
			_, err := h.operator.CreateAudience(ctx, &signetv1.CreateAudienceRequest{Audience: &signetv1.Audience{Id: "y"}})
			return err
		}},
		{"audience.deleted", "audience:y", func() error {
			_, err := h.operator.DeleteAudience(ctx, &signetv1.DeleteAudienceRequest{Id: "y"})
			return err
		}},
		{"key.rotated", "key:" + spare, func() error {
			_, err := h.operator.RotateKeys(ctx, &signetv1.RotateKeysRequest{Algorithms: []string{"ES256"}})
			return err
		}},
		{"key.cancelled", "key:" + spare, func() error {
			_, err := h.operator.CancelKey(ctx, &signetv1.CancelKeyRequest{Kid: spare})
			return err
		}},
		{"key.compromised", "key:" + spare, func() error {
			_, err := h.operator.CompromiseKey(ctx, &signetv1.CompromiseKeyRequest{Kid: spare})
			return err
		}},
	} {
		must(t, c.call())
		events := heard()
		if len(events) != 1 || events[0].Name != c.event || !strings.HasPrefix(events[0].Target(), c.target) ||
			events[0].Actor.Name != "ops" || events[0].Actor.RequestID != "req-1" {
			t.Errorf("%s of %s: %+v", c.event, c.target, events)
		}
	}
	in := h.adminLogin(t, "ops")
	heard()
	person := metadata.NewOutgoingContext(soon(t), metadata.Pairs("authorization", "Bearer "+in.GetAccessToken()))
	_, err := h.operator.CreateAudience(person, &signetv1.CreateAudienceRequest{Audience: &signetv1.Audience{Id: "z"}})
	must(t, err)
	if events := heard(); len(events) != 1 || events[0].Actor.Name != in.GetSubject() || events[0].Actor.RequestID == "" {
		t.Errorf("a person: %+v", events)
	}
	if line := h.logs.line(t, "call"); line["sub"] != in.GetSubject() || line["client_id"] != "ops" {
		t.Errorf("logged %v", line)
	}

	full := func(audit.Event) error { return fmt.Errorf("the disk is full") }
	h.audit.Store(&full)
	for name, err := range map[string]error{
		"user": func() error {
			_, err := h.operator.DisableUser(ctx, &signetv1.DisableUserRequest{Username: username})
			return err
		}(),
		"key": func() error {
			_, err := h.operator.RotateKeys(ctx, &signetv1.RotateKeysRequest{Algorithms: []string{"mac"}})
			return err
		}(),
	} {
		if reason(err) != "TEMPORARILY_UNAVAILABLE" || strings.Contains(err.Error(), "disk") {
			t.Errorf("%s: answered without a record: %v", name, err)
		}
	}
}

// Passwords and secrets are in the requests and answers that need them and nowhere else.
func TestAdminCallsAreLoggedWithoutTheirContents(t *testing.T) {
	h := openHouse(t)
	ctx := h.administrate(t)
	_, err := h.operator.CreateUser(ctx, &signetv1.CreateUserRequest{Username: "canary-name", Password: "canary sings unheard 1"})
	must(t, err)
	_, err = h.operator.SetUserPassword(ctx, &signetv1.SetUserPasswordRequest{Username: "canary-name", Password: "canary sings unheard 2"})
	must(t, err)
	_, err = h.operator.CreateUser(ctx, &signetv1.CreateUserRequest{Username: "canary\x00name", Password: "canary sings unheard 3"})
	if reason(err) != "INVALID_REQUEST" {
		t.Errorf("a name that is none: %v", err)
	}
	made, err := h.operator.CreateClient(ctx, &signetv1.CreateClientRequest{Client: &signetv1.Client{Name: "canary-client"}})
	must(t, err)
	rotated, err := h.operator.RotateClientSecret(ctx, &signetv1.RotateClientSecretRequest{Id: made.GetClient().GetId()})
	must(t, err)
	text := h.logs.text()
	for _, private := range []string{"canary", made.GetClientSecret(), rotated.GetClientSecret()} {
		if private == "" || strings.Contains(text, private) {
			t.Errorf("the log has %q", private)
		}
	}
}

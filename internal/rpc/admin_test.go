package rpc

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/oauth"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// listen collects the audit events of the house.
func (h *house) listen() func() []audit.Event {
	var events []audit.Event
	collect := func(e audit.Event) error { events = append(events, e); return nil }
	h.audit.Store(&collect)
	return func() []audit.Event {
		heard := events
		events = nil
		return heard
	}
}

func TestUsersOverTheWire(t *testing.T) {
	h := openHouse(t)
	ctx := h.administrate(t)
	given, err := structpb.NewStruct(map[string]any{"roles": []any{"dev", "ops"}, "level": 3, "tenant": "acme", "vip": true})
	must(t, err)
	made, err := h.operator.CreateUser(ctx, &signetv1.CreateUserRequest{Username: " Grace ", Password: "a very good password", Claims: given})
	must(t, err)
	if made.GetUsername() != "grace" || !strings.HasPrefix(made.GetId(), oauth.UserIDPrefix) || !proto.Equal(made.GetClaims(), given) ||
		made.GetCreatedAt() == nil || made.GetDisabledAt() != nil {
		t.Errorf("made %v", made)
	}
	if found, err := h.operator.GetUser(ctx, &signetv1.GetUserRequest{Username: "GRACE"}); err != nil || !proto.Equal(found, made) {
		t.Errorf("GetUser = %v, %v; want %v", found, err, made)
	}
	login := func(word string) codes.Code {
		_, err := h.tokens.Login(h.as(t, "web"), &signetv1.LoginRequest{Username: "grace", Password: word})
		return status.Code(err)
	}
	for _, step := range []struct {
		name string
		do   func() error
		word string
		want codes.Code
	}{
		{"created", func() error { return nil }, "a very good password", codes.OK},
		{"disabled", func() error {
			_, err := h.operator.DisableUser(ctx, &signetv1.DisableUserRequest{Username: "grace"})
			return err
		}, "a very good password", codes.Unauthenticated},
		{"enabled", func() error {
			_, err := h.operator.EnableUser(ctx, &signetv1.EnableUserRequest{Username: "grace"})
			return err
		}, "a very good password", codes.OK},
		{"password set", func() error {
			_, err := h.operator.SetUserPassword(ctx, &signetv1.SetUserPasswordRequest{Username: "grace", Password: "one that is better"})
			return err
		}, "one that is better", codes.OK},
		{"deleted", func() error {
			_, err := h.operator.DeleteUser(ctx, &signetv1.DeleteUserRequest{Username: "grace"})
			return err
		}, "one that is better", codes.Unauthenticated},
	} {
		must(t, step.do())
		if got := login(step.word); got != step.want {
			t.Errorf("%s: a login is %v, want %v", step.name, got, step.want)
		}
	}
	_, err = h.operator.SetUserClaims(ctx, &signetv1.SetUserClaimsRequest{Username: username, Claims: given})
	must(t, err)
	found, err := h.operator.GetUser(ctx, &signetv1.GetUserRequest{Username: username})
	if err != nil || !proto.Equal(found.GetClaims(), given) {
		t.Errorf("claims %v, %v", found, err)
	}
	_, err = h.operator.SetUserClaims(ctx, &signetv1.SetUserClaimsRequest{Username: username})
	must(t, err)
	if found, err = h.operator.GetUser(ctx, &signetv1.GetUserRequest{Username: username}); err != nil || found.GetClaims() != nil {
		t.Errorf("claims %v, %v", found, err)
	}
}

func TestClientsOverTheWire(t *testing.T) {
	h := openHouse(t)
	ctx := h.administrate(t)
	want := &signetv1.Client{
		Name: "The gateway", Audience: []string{"api", "api-es"}, Scope: "read write", RefreshIdle: durationpb.New(time.Minute),
		RefreshAbsolute: durationpb.New(time.Hour), Leeway: durationpb.New(0), MintSubjects: true, CertSan: []string{"dns:gateway.example"},
	}
	made, err := h.operator.CreateClient(ctx, &signetv1.CreateClientRequest{Client: want})
	must(t, err)
	c := made.GetClient()
	want.Id, want.CreatedAt, want.SecretCreatedAt = c.GetId(), c.GetCreatedAt(), c.GetSecretCreatedAt()
	if !proto.Equal(c, want) || !strings.HasPrefix(c.GetId(), "cli_") || len(c.GetSecretCreatedAt()) != 1 || made.GetClientSecret() == "" {
		t.Errorf("made %v", c)
	}
	works := func(secret string) bool {
		must(t, h.directory.Poll(t.Context()))
		ctx := metadata.NewOutgoingContext(soon(t), metadata.Pairs("authorization", "Basic "+encoded(c.GetId()+":"+secret)))
		_, err := h.tokens.Introspect(ctx, &signetv1.IntrospectRequest{Token: "x"})
		return err == nil
	}
	rotated, err := h.operator.RotateClientSecret(ctx, &signetv1.RotateClientSecretRequest{Id: c.GetId()})
	must(t, err)
	if !works(made.GetClientSecret()) || !works(rotated.GetClientSecret()) {
		t.Error("the two secrets do not work both")
	}
	_, err = h.operator.DisableClient(ctx, &signetv1.DisableClientRequest{Id: c.GetId()})
	must(t, err)
	if works(rotated.GetClientSecret()) {
		t.Error("the client is disabled and gets in")
	}
	_, err = h.operator.EnableClient(ctx, &signetv1.EnableClientRequest{Id: c.GetId()})
	must(t, err)
	if !works(rotated.GetClientSecret()) {
		t.Error("the client is enabled and does not get in")
	}

	// Only what the mask names changes, and what is unset is cleared.
	_, err = h.operator.UpdateClient(ctx, &signetv1.UpdateClientRequest{
		Client:     &signetv1.Client{Id: c.GetId(), Name: "ignored", Scope: "read", Public: true},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"scope", "leeway", "audience"}},
	})
	must(t, err)
	found, err := h.operator.GetClient(ctx, &signetv1.GetClientRequest{Id: c.GetId()})
	must(t, err)
	want.Scope, want.Leeway, want.Audience, want.SecretCreatedAt = "read", nil, nil, found.GetSecretCreatedAt()
	if !proto.Equal(found, want) || len(found.GetSecretCreatedAt()) != 2 {
		t.Errorf("updated to %v, want %v", found, want)
	}
	for _, jwks := range []string{string(h.ring.Set().Bytes), ""} {
		_, err = h.operator.UpdateClient(ctx, &signetv1.UpdateClientRequest{
			Client: &signetv1.Client{Id: c.GetId(), Jwks: jwks}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"jwks"}},
		})
		must(t, err)
		found, err := h.operator.GetClient(ctx, &signetv1.GetClientRequest{Id: c.GetId()})
		must(t, err)
		if (len(found.GetKeys()) > 1 && found.GetKeys()[0].GetKid() != "" && found.GetKeys()[0].GetAlgorithm() != "") != (jwks != "") || found.GetJwks() != "" {
			t.Errorf("keys %v of %.20q", found.GetKeys(), jwks)
		}
	}
	_, err = h.operator.DeleteClient(ctx, &signetv1.DeleteClientRequest{Id: c.GetId()})
	must(t, err)
	if _, err := h.operator.GetClient(ctx, &signetv1.GetClientRequest{Id: c.GetId()}); reason(err) != "NOT_FOUND" {
		t.Errorf("after DeleteClient: %v", err)
	}
	open, err := h.operator.CreateClient(ctx, &signetv1.CreateClientRequest{Client: &signetv1.Client{Id: "app", Public: true}})
	if err != nil || open.GetClientSecret() != "" || !open.GetClient().GetPublic() {
		t.Errorf("a public client: %v, %v", open, err)
	}
}

func TestAudiencesOverTheWire(t *testing.T) {
	h := openHouse(t)
	ctx := h.administrate(t)
	want := &signetv1.Audience{
		Id: "https://api.example", Algorithm: "ES256", Lifetime: durationpb.New(time.Minute), Scope: "read", Claims: []string{"roles"},
		RepeatTokens: true,
	}
	made, err := h.operator.CreateAudience(ctx, &signetv1.CreateAudienceRequest{Audience: want})
	must(t, err)
	want.CreatedAt = made.GetCreatedAt()
	if !proto.Equal(made, want) || made.GetCreatedAt() == nil {
		t.Errorf("made %v", made)
	}
	_, err = h.operator.UpdateAudience(ctx, &signetv1.UpdateAudienceRequest{
		Audience:   &signetv1.Audience{Id: want.GetId(), Algorithm: "EdDSA", Scope: "ignored"},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"algorithm", "lifetime", "claims"}},
	})
	must(t, err)
	_, err = h.operator.DisableAudience(ctx, &signetv1.DisableAudienceRequest{Id: want.GetId()})
	must(t, err)
	found, err := h.operator.GetAudience(ctx, &signetv1.GetAudienceRequest{Id: want.GetId()})
	must(t, err)
	want.Algorithm, want.PreviousAlgorithm, want.Lifetime, want.Claims, want.DisabledAt = "EdDSA", "ES256", nil, nil, found.GetDisabledAt()
	if !proto.Equal(found, want) || found.GetDisabledAt() == nil {
		t.Errorf("updated to %v, want %v", found, want)
	}
	_, err = h.operator.UpdateAudience(ctx, &signetv1.UpdateAudienceRequest{
		Audience: &signetv1.Audience{Id: want.GetId()}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"repeat_tokens"}},
	})
	must(t, err)
	want.RepeatTokens = false
	if found, err = h.operator.GetAudience(ctx, &signetv1.GetAudienceRequest{Id: want.GetId()}); err != nil || !proto.Equal(found, want) {
		t.Errorf("updated to %v, want %v: %v", found, want, err)
	}
	_, err = h.operator.EnableAudience(ctx, &signetv1.EnableAudienceRequest{Id: want.GetId()})
	must(t, err)
	if found, err = h.operator.GetAudience(ctx, &signetv1.GetAudienceRequest{Id: want.GetId()}); err != nil || found.GetDisabledAt() != nil {
		t.Errorf("enabled: %v, %v", found, err)
	}
	_, err = h.operator.DeleteAudience(ctx, &signetv1.DeleteAudienceRequest{Id: want.GetId()})
	must(t, err)
	if _, err := h.operator.GetAudience(ctx, &signetv1.GetAudienceRequest{Id: want.GetId()}); reason(err) != "NOT_FOUND" {
		t.Errorf("after DeleteAudience: %v", err)
	}
}

func TestKeysOverTheWire(t *testing.T) {
	h := openHouse(t)
	ctx := h.administrate(t)
	of := func(algorithm, state string) string {
		t.Helper()
		r, err := h.operator.ListKeys(ctx, &signetv1.ListKeysRequest{})
		must(t, err)
		for _, k := range r.GetKeys() {
			if k.GetAlgorithm() == algorithm && k.GetState() == state {
				if k.GetKek() == "" || len(k.GetSpans()) == 0 || k.GetSpans()[0].GetFrom() == nil {
					t.Errorf("%v", k)
				}
				return k.GetKid()
			}
		}
		t.Fatalf("no %s key is %s: %v", algorithm, state, r)
		return ""
	}
	active, spare := of("EdDSA", "active"), of("EdDSA", "pre-active")
	of("mac", "active")
	rotate := func(r *signetv1.RotateKeysRequest) *signetv1.RotateKeysResponse {
		t.Helper()
		answer, err := h.operator.RotateKeys(ctx, r)
		must(t, err)
		return answer
	}
	planned := rotate(&signetv1.RotateKeysRequest{Algorithms: []string{"EdDSA"}, Plan: true, Now: true})
	if len(planned.GetSteps()) != 4 || len(planned.GetWarnings()) != 1 || of("EdDSA", "active") != active {
		t.Errorf("planned %v", planned)
	}
	done := rotate(&signetv1.RotateKeysRequest{Algorithms: []string{"EdDSA"}})
	if step := done.GetSteps()[1]; step.GetKid() != spare || step.GetState() != "active" || step.GetAt() == nil || step.GetReason() == "" ||
		step.GetAlgorithm() != "EdDSA" || len(done.GetWarnings()) != 0 {
		t.Errorf("rotated %v", done)
	}
	if all := rotate(&signetv1.RotateKeysRequest{Plan: true}); len(all.GetSteps()) != 12 {
		t.Errorf("all signing keys: %v", all)
	}
	_, err := h.operator.CancelKey(ctx, &signetv1.CancelKeyRequest{Kid: spare})
	must(t, err)
	_, err = h.operator.CancelKey(ctx, &signetv1.CancelKeyRequest{Kid: spare})
	if reason(err) != "FAILED_PRECONDITION" || !strings.HasPrefix(status.Convert(err).Message(), "The key "+spare+" is a spare") {
		t.Errorf("cancelled twice: %v", err)
	}
	for range 2 {
		_, err = h.operator.CompromiseKey(ctx, &signetv1.CompromiseKeyRequest{Kid: active})
		must(t, err)
	}
	if of("EdDSA", "compromised") != active || of("EdDSA", "active") != spare {
		t.Error("the spare did not take over")
	}
	if set := string(h.ring.Set().Bytes); strings.Contains(set, active) {
		t.Error("the compromised key is published")
	}
	if _, err := h.operator.CompromiseKey(ctx, &signetv1.CompromiseKeyRequest{Kid: "nothing"}); reason(err) != "NOT_FOUND" {
		t.Errorf("compromised nothing: %v", err)
	}
}

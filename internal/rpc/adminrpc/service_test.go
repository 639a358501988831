package adminrpc_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func mask(paths ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: paths} }

func TestUsers(t *testing.T) {
	f := newFixture(t)
	ctx := f.AsAdmin(t)
	given, err := structpb.NewStruct(map[string]any{
		"roles": []any{"dev", "ops"}, "level": 3, "tenant": "acme", "vip": true,
	})
	must(t, err)
	created, err := f.AdminService.CreateUser(ctx, &signetv1.CreateUserRequest{
		Username: " Grace ", Password: "a very good password", Claims: given,
	})
	must(t, err)
	if created.GetUsername() != "grace" || !strings.HasPrefix(created.GetId(), oauth.UserIDPrefix) ||
		!proto.Equal(created.GetClaims(), given) ||
		created.GetCreatedAt() == nil || created.GetDisabledAt() != nil {
		t.Errorf("created %v", created)
	}
	found, err := f.AdminService.GetUser(ctx, &signetv1.GetUserRequest{Username: "GRACE"})
	if err != nil || !proto.Equal(found, created) {
		t.Errorf("GetUser = %v, %v; want %v", found, err, created)
	}
	login := func(password string) codes.Code {
		_, err := f.TokenService.Login(f.As(t, "web"), &signetv1.LoginRequest{Username: "grace", Password: password})
		return status.Code(err)
	}
	for _, step := range []struct {
		name     string
		call     func() error
		password string
		want     codes.Code
	}{
		{"created", func() error { return nil }, "a very good password", codes.OK},
		{"disabled", func() error {
			_, err := f.AdminService.DisableUser(ctx, &signetv1.DisableUserRequest{Username: "grace"})
			return err
		}, "a very good password", codes.Unauthenticated},
		{"enabled", func() error {
			_, err := f.AdminService.EnableUser(ctx, &signetv1.EnableUserRequest{Username: "grace"})
			return err
		}, "a very good password", codes.OK},
		{"password set", func() error {
			_, err := f.AdminService.SetUserPassword(ctx, &signetv1.SetUserPasswordRequest{
				Username: "grace", Password: "one that is better",
			})
			return err
		}, "one that is better", codes.OK},
		{"deleted", func() error {
			_, err := f.AdminService.DeleteUser(ctx, &signetv1.DeleteUserRequest{Username: "grace"})
			return err
		}, "one that is better", codes.Unauthenticated},
	} {
		must(t, step.call())
		if got := login(step.password); got != step.want {
			t.Errorf("%s: login %v, want %v", step.name, got, step.want)
		}
	}
	_, err = f.AdminService.SetUserClaims(ctx, &signetv1.SetUserClaimsRequest{Username: username, Claims: given})
	must(t, err)
	found, err = f.AdminService.GetUser(ctx, &signetv1.GetUserRequest{Username: username})
	if err != nil || !proto.Equal(found.GetClaims(), given) {
		t.Errorf("claims %v, %v", found, err)
	}
	_, err = f.AdminService.SetUserClaims(ctx, &signetv1.SetUserClaimsRequest{Username: username})
	must(t, err)
	found, err = f.AdminService.GetUser(ctx, &signetv1.GetUserRequest{Username: username})
	if err != nil || found.GetClaims() != nil {
		t.Errorf("claims %v, %v", found, err)
	}
}

func TestClients(t *testing.T) {
	f := newFixture(t)
	ctx := f.AsAdmin(t)
	want := &signetv1.Client{
		Name: "The gateway", Audience: []string{"api", "api-es"}, Scope: "read write",
		RefreshIdle: durationpb.New(time.Minute), RefreshAbsolute: durationpb.New(time.Hour), Leeway: durationpb.New(0),
		RetryWindow: durationpb.New(0), GrantsPerUser: proto.Int32(0),
		MintSubjects: true, CertSan: []string{"dns:gateway.example"}, IntrospectAudience: []string{"api-es", "api"},
	}
	created, err := f.AdminService.CreateClient(ctx, &signetv1.CreateClientRequest{Client: want})
	must(t, err)
	c := created.GetClient()
	want.Id, want.CreatedAt, want.SecretCreatedAt = c.GetId(), c.GetCreatedAt(), c.GetSecretCreatedAt()
	if !proto.Equal(c, want) || !strings.HasPrefix(c.GetId(), "cli_") || len(c.GetSecretCreatedAt()) != 1 ||
		created.GetClientSecret() == "" {
		t.Errorf("created %v", c)
	}
	works := func(secret string) bool {
		f.Poll(t)
		ctx := rpctest.WithAuthorization(t, rpctest.Basic(c.GetId(), secret))
		_, err := f.TokenService.Introspect(ctx, &signetv1.IntrospectRequest{Token: "x"})
		return err == nil
	}
	rotated, err := f.AdminService.RotateClientSecret(ctx, &signetv1.RotateClientSecretRequest{Id: c.GetId()})
	must(t, err)
	if !works(created.GetClientSecret()) || !works(rotated.GetClientSecret()) {
		t.Error("one of the two secrets is rejected")
	}
	_, err = f.AdminService.DisableClient(ctx, &signetv1.DisableClientRequest{Id: c.GetId()})
	must(t, err)
	if works(rotated.GetClientSecret()) {
		t.Error("the disabled client is accepted")
	}
	_, err = f.AdminService.EnableClient(ctx, &signetv1.EnableClientRequest{Id: c.GetId()})
	must(t, err)
	if !works(rotated.GetClientSecret()) {
		t.Error("the enabled client is refused")
	}

	// UpdateClient sets the fields that the mask names. It clears those that
	// the request does not have.
	_, err = f.AdminService.UpdateClient(ctx, &signetv1.UpdateClientRequest{
		Client:     &signetv1.Client{Id: c.GetId(), Name: "ignored", Scope: "read", Public: true},
		UpdateMask: mask("scope", "leeway", "retry_window", "grants_per_user", "audience"),
	})
	must(t, err)
	found, err := f.AdminService.GetClient(ctx, &signetv1.GetClientRequest{Id: c.GetId()})
	must(t, err)
	want.Scope, want.Leeway, want.Audience, want.SecretCreatedAt = "read", nil, nil, found.GetSecretCreatedAt()
	want.RetryWindow, want.GrantsPerUser = nil, nil
	if !proto.Equal(found, want) || len(found.GetSecretCreatedAt()) != 2 {
		t.Errorf("updated to %v, want %v", found, want)
	}
	for _, jwks := range []string{string(f.Keys.Set().Bytes), ""} {
		_, err = f.AdminService.UpdateClient(ctx, &signetv1.UpdateClientRequest{
			Client: &signetv1.Client{Id: c.GetId(), Jwks: jwks}, UpdateMask: mask("jwks"),
		})
		must(t, err)
		found, err := f.AdminService.GetClient(ctx, &signetv1.GetClientRequest{Id: c.GetId()})
		must(t, err)
		if (len(found.GetKeys()) > 1 && found.GetKeys()[0].GetKid() != "" &&
			found.GetKeys()[0].GetAlgorithm() != "") != (jwks != "") || found.GetJwks() != "" {
			t.Errorf("keys %v of %.20q", found.GetKeys(), jwks)
		}
	}
	_, err = f.AdminService.DeleteClient(ctx, &signetv1.DeleteClientRequest{Id: c.GetId()})
	must(t, err)
	if _, err := f.AdminService.GetClient(ctx, &signetv1.GetClientRequest{Id: c.GetId()}); reason(err) != "NOT_FOUND" {
		t.Errorf("after DeleteClient: %v", err)
	}
	public, err := f.AdminService.CreateClient(ctx, &signetv1.CreateClientRequest{
		Client: &signetv1.Client{Id: "app", Public: true},
	})
	if err != nil || public.GetClientSecret() != "" || !public.GetClient().GetPublic() {
		t.Errorf("public client: %v, %v", public, err)
	}
}

func TestClients_InTheBrowser(t *testing.T) {
	f := newFixture(t)
	ctx := f.AsAdmin(t)
	want := &signetv1.Client{
		Id: "shop", Public: true, Audience: []string{"api"}, CorsOrigin: []string{"https://other.example"},
		Browser: &signetv1.Browser{
			Way: "session", Origin: []string{"https://shop.example", "http://localhost:5173"}, LoginPath: "/in",
		},
	}
	created, err := f.AdminService.CreateClient(ctx, &signetv1.CreateClientRequest{Client: want})
	must(t, err)
	want.CreatedAt = created.GetClient().GetCreatedAt()
	if !proto.Equal(created.GetClient(), want) {
		t.Errorf("created %v, want %v", created.GetClient(), want)
	}

	given := &signetv1.Client{Id: "shop", Browser: &signetv1.Browser{Way: "ignored", Origin: []string{"https://new.example"}}}
	_, err = f.AdminService.UpdateClient(ctx, &signetv1.UpdateClientRequest{
		Client: given, UpdateMask: mask("browser.origin", "browser.login_path", "cors_origin"),
	})
	must(t, err)
	want.Browser.Origin, want.Browser.LoginPath, want.CorsOrigin = given.GetBrowser().GetOrigin(), "", nil
	found, err := f.AdminService.GetClient(ctx, &signetv1.GetClientRequest{Id: "shop"})
	if err != nil || !proto.Equal(found, want) {
		t.Errorf("updated to %v, want %v: %v", found, want, err)
	}

	// A client that was created without a way does not get one.
	_, err = f.AdminService.CreateClient(ctx, &signetv1.CreateClientRequest{
		Client: &signetv1.Client{Id: "app", Public: true, Audience: []string{"api"}},
	})
	must(t, err)
	for _, path := range []string{"browser.origin", "browser.login_path"} {
		_, err = f.AdminService.UpdateClient(ctx, &signetv1.UpdateClientRequest{
			Client:     &signetv1.Client{Id: "app", Browser: &signetv1.Browser{Way: "page", LoginPath: "/in"}},
			UpdateMask: mask(path),
		})
		if reason(err) != "FAILED_PRECONDITION" {
			t.Errorf("%s of a client without a way: %v", path, err)
		}
	}
}

func TestAudiences(t *testing.T) {
	f := newFixture(t)
	ctx := f.AsAdmin(t)
	want := &signetv1.Audience{
		Id: "https://api.example", Algorithm: "ES256", Lifetime: durationpb.New(time.Minute), Scope: "read",
		Claims: []string{"roles"}, RepeatTokens: true,
	}
	created, err := f.AdminService.CreateAudience(ctx, &signetv1.CreateAudienceRequest{Audience: want})
	must(t, err)
	want.CreatedAt = created.GetCreatedAt()
	if !proto.Equal(created, want) || created.GetCreatedAt() == nil {
		t.Errorf("created %v", created)
	}
	_, err = f.AdminService.UpdateAudience(ctx, &signetv1.UpdateAudienceRequest{
		Audience:   &signetv1.Audience{Id: want.GetId(), Algorithm: "EdDSA", Scope: "ignored"},
		UpdateMask: mask("algorithm", "lifetime", "claims"),
	})
	must(t, err)
	_, err = f.AdminService.DisableAudience(ctx, &signetv1.DisableAudienceRequest{Id: want.GetId()})
	must(t, err)
	found, err := f.AdminService.GetAudience(ctx, &signetv1.GetAudienceRequest{Id: want.GetId()})
	must(t, err)
	want.Algorithm, want.PreviousAlgorithm, want.Lifetime, want.Claims = "EdDSA", "ES256", nil, nil
	want.DisabledAt = found.GetDisabledAt()
	if !proto.Equal(found, want) || found.GetDisabledAt() == nil {
		t.Errorf("updated to %v, want %v", found, want)
	}
	_, err = f.AdminService.UpdateAudience(ctx, &signetv1.UpdateAudienceRequest{
		Audience: &signetv1.Audience{Id: want.GetId()}, UpdateMask: mask("repeat_tokens"),
	})
	must(t, err)
	want.RepeatTokens = false
	found, err = f.AdminService.GetAudience(ctx, &signetv1.GetAudienceRequest{Id: want.GetId()})
	if err != nil || !proto.Equal(found, want) {
		t.Errorf("updated to %v, want %v: %v", found, want, err)
	}
	_, err = f.AdminService.EnableAudience(ctx, &signetv1.EnableAudienceRequest{Id: want.GetId()})
	must(t, err)
	found, err = f.AdminService.GetAudience(ctx, &signetv1.GetAudienceRequest{Id: want.GetId()})
	if err != nil || found.GetDisabledAt() != nil {
		t.Errorf("enabled: %v, %v", found, err)
	}
	_, err = f.AdminService.DeleteAudience(ctx, &signetv1.DeleteAudienceRequest{Id: want.GetId()})
	must(t, err)
	_, err = f.AdminService.GetAudience(ctx, &signetv1.GetAudienceRequest{Id: want.GetId()})
	if reason(err) != "NOT_FOUND" {
		t.Errorf("after DeleteAudience: %v", err)
	}
}

func TestKeys(t *testing.T) {
	f := newFixture(t)
	ctx := f.AsAdmin(t)
	kid := func(algorithm, state string) string {
		t.Helper()
		r, err := f.AdminService.ListKeys(ctx, &signetv1.ListKeysRequest{})
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
	active, spare := kid("EdDSA", "active"), kid("EdDSA", "pre-active")
	kid("mac", "active")
	rotate := func(r *signetv1.RotateKeysRequest) *signetv1.RotateKeysResponse {
		t.Helper()
		response, err := f.AdminService.RotateKeys(ctx, r)
		must(t, err)
		return response
	}
	planned := rotate(&signetv1.RotateKeysRequest{Algorithms: []string{"EdDSA"}, Plan: true, Now: true})
	if len(planned.GetSteps()) != 4 || len(planned.GetWarnings()) != 1 || kid("EdDSA", "active") != active {
		t.Errorf("planned %v", planned)
	}
	done := rotate(&signetv1.RotateKeysRequest{Algorithms: []string{"EdDSA"}})
	if step := done.GetSteps()[1]; step.GetKid() != spare || step.GetState() != "active" || step.GetAt() == nil ||
		step.GetReason() == "" || step.GetAlgorithm() != "EdDSA" || len(done.GetWarnings()) != 0 {
		t.Errorf("rotated %v", done)
	}
	if all := rotate(&signetv1.RotateKeysRequest{Plan: true}); len(all.GetSteps()) != 12 {
		t.Errorf("all signing keys: %v", all)
	}
	_, err := f.AdminService.CancelKey(ctx, &signetv1.CancelKeyRequest{Kid: spare})
	must(t, err)
	_, err = f.AdminService.CancelKey(ctx, &signetv1.CancelKeyRequest{Kid: spare})
	if reason(err) != "FAILED_PRECONDITION" ||
		!strings.HasPrefix(status.Convert(err).Message(), "The key "+spare+" is a spare") {
		t.Errorf("second cancel: %v", err)
	}
	for range 2 {
		_, err = f.AdminService.CompromiseKey(ctx, &signetv1.CompromiseKeyRequest{Kid: active})
		must(t, err)
	}
	if kid("EdDSA", "compromised") != active || kid("EdDSA", "active") != spare {
		t.Error("the spare key is not active")
	}
	if set := string(f.Keys.Set().Bytes); strings.Contains(set, active) {
		t.Error("the compromised key is published")
	}
	_, err = f.AdminService.CompromiseKey(ctx, &signetv1.CompromiseKeyRequest{Kid: "nothing"})
	if reason(err) != "NOT_FOUND" {
		t.Errorf("unknown key: %v", err)
	}
}

package rpc

import (
	"fmt"
	"slices"
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

	"github.com/signetd/signet/internal/oauth"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// listen collects the audit events of the house.
func (h *house) listen() func() []oauth.Event {
	var events []oauth.Event
	collect := func(e oauth.Event) error { events = append(events, e); return nil }
	h.audit.Store(&collect)
	return func() []oauth.Event {
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
			events[0].Actor != "ops" || events[0].RequestID != "req-1" {
			t.Errorf("%s of %s: %+v", c.event, c.target, events)
		}
	}
	in := h.adminLogin(t, "ops")
	heard()
	person := metadata.NewOutgoingContext(soon(t), metadata.Pairs("authorization", "Bearer "+in.GetAccessToken()))
	_, err := h.operator.CreateAudience(person, &signetv1.CreateAudienceRequest{Audience: &signetv1.Audience{Id: "z"}})
	must(t, err)
	if events := heard(); len(events) != 1 || events[0].Actor != in.GetSubject() || events[0].RequestID == "" {
		t.Errorf("a person: %+v", events)
	}
	if line := h.logs.line(t, "call"); line["sub"] != in.GetSubject() || line["client_id"] != "ops" {
		t.Errorf("logged %v", line)
	}

	full := func(oauth.Event) error { return fmt.Errorf("the disk is full") }
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

func TestListsGoOnPageByPage(t *testing.T) {
	h := openHouse(t)
	ctx := h.administrate(t)
	for n := range 7 {
		id := fmt.Sprintf("z%d", n)
		_, err := h.admin.CreateAudience(t.Context(), operator, oauth.Audience{ID: id})
		must(t, err)
		_, _, err = h.admin.CreateClient(t.Context(), operator, oauth.Client{ID: id})
		must(t, err)
		_, err = h.admin.CreateUser(t.Context(), operator, id, "a very good password", nil)
		must(t, err)
	}
	lists := map[string]func(size int32, token string) ([]string, string, error){
		"users": func(size int32, token string) (ids []string, next string, err error) {
			r, err := h.operator.ListUsers(ctx, &signetv1.ListUsersRequest{PageSize: size, PageToken: token})
			for _, x := range r.GetUsers() {
				ids = append(ids, x.GetUsername())
			}
			return ids, r.GetNextPageToken(), err
		},
		"clients": func(size int32, token string) (ids []string, next string, err error) {
			r, err := h.operator.ListClients(ctx, &signetv1.ListClientsRequest{PageSize: size, PageToken: token})
			for _, x := range r.GetClients() {
				ids = append(ids, x.GetId())
			}
			return ids, r.GetNextPageToken(), err
		},
		"audiences": func(size int32, token string) (ids []string, next string, err error) {
			r, err := h.operator.ListAudiences(ctx, &signetv1.ListAudiencesRequest{PageSize: size, PageToken: token})
			for _, x := range r.GetAudiences() {
				ids = append(ids, x.GetId())
			}
			return ids, r.GetNextPageToken(), err
		},
	}
	tokens := make(map[string]string)
	for name, list := range lists {
		whole, next, err := list(0, "")
		if err != nil || next != "" || len(whole) < 8 || !slices.IsSorted(whole) {
			t.Errorf("%s: %q, %q, %v", name, whole, next, err)
		}
		for _, size := range []int32{1, 3, int32(len(whole)), 1000} {
			var all []string
			for token := ""; ; {
				ids, next, err := list(size, token)
				must(t, err)
				if len(ids) > int(size) || len(ids) == 0 {
					t.Fatalf("%s: a page of %d has %d", name, size, len(ids))
				}
				all = append(all, ids...)
				if token = next; token == "" {
					break
				}
				tokens[name] = token
			}
			if !slices.Equal(all, whole) {
				t.Errorf("%s by %d: %q, want %q", name, size, all, whole)
			}
		}
		for _, size := range []int32{-1, 1001} {
			if _, _, err := list(size, ""); reason(err) != "INVALID_REQUEST" {
				t.Errorf("%s: page_size %d: %v", name, size, err)
			}
		}
	}
	for name, list := range lists {
		for of, token := range tokens {
			if _, _, err := list(1, token); (err == nil) != (of == name) || err != nil && reason(err) != "INVALID_REQUEST" {
				t.Errorf("the token of %s for %s: %v", of, name, err)
			}
		}
	}
}

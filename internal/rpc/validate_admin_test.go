package rpc

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/signetd/signet/internal/oauth"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func TestSizesOfAdministrationAreBounded(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	names := func(n, size int) []string { return slices.Repeat([]string{x(size)}, n) }
	minute, broken := durationpb.New(time.Minute), &durationpb.Duration{Seconds: 1, Nanos: -1}
	mask := func(paths ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: paths} }
	largest := &signetv1.Client{
		Id: x(128), Name: "👩‍💻 " + x(240), Audience: names(256, 256), Scope: x(4096), RefreshIdle: minute, RefreshAbsolute: minute,
		Leeway: minute, CertSan: names(16, 1024), Jwks: x(32 << 10),
	}
	tooLarge := &signetv1.Client{
		Id: x(129), Name: x(257), Audience: names(257, 1), Scope: x(4097), RefreshIdle: broken, RefreshAbsolute: broken, Leeway: broken,
		CertSan: names(17, 1), Jwks: x(32<<10 + 1),
	}
	api := &signetv1.Audience{Id: x(256), Algorithm: x(64), Lifetime: minute, Scope: x(4096), Claims: names(32, 128)}
	wide := &signetv1.Audience{Id: x(257), Algorithm: x(65), Lifetime: broken, Scope: x(4097), Claims: names(33, 1)}
	settings := []string{
		"client.name", "client.audience", "client.scope", "client.refresh_idle", "client.refresh_absolute", "client.leeway", "client.cert_san",
		"client.jwks",
	}
	for name, c := range map[string]struct {
		err  error
		want []string // the fields complained of
	}{
		"largest user":        {validatePassword(x(1024), x(1024)), nil},
		"empty user":          {validatePassword("", ""), []string{"username", "password"}},
		"too large user":      {validatePassword(x(1025), x(1025)), []string{"username", "password"}},
		"largest name":        {validateUsername(x(1024)), nil},
		"empty name":          {validateUsername(""), []string{"username"}},
		"too large name":      {validateUsername(x(1025)), []string{"username"}},
		"largest page":        {validatePage(1000, x(1024)), nil},
		"too large page":      {validatePage(1001, x(1025)), []string{"page_size", "page_token"}},
		"negative page":       {validatePage(-1, ""), []string{"page_size"}},
		"largest id":          {validateID(x(128), oauth.MaxClientID), nil},
		"empty id":            {validateID("", oauth.MaxClientID), []string{"id"}},
		"too large id":        {validateID(x(129), oauth.MaxClientID), []string{"id"}},
		"largest kid":         {validateKid(x(128)), nil},
		"empty kid":           {validateKid(""), []string{"kid"}},
		"too large kid":       {validateKid(x(129)), []string{"kid"}},
		"all algorithms":      {validateAlgorithms([]string{"RS256", "mac", "EdDSA", "ES256"}), nil},
		"unknown algorithm":   {validateAlgorithms([]string{"RS256", "HS256", "x"}), []string{"algorithms[1]"}},
		"algorithm twice":     {validateAlgorithms([]string{"mac", "mac"}), []string{"algorithms[1]"}},
		"least client":        {validateNewClient(&signetv1.Client{}), nil},
		"no client":           {validateNewClient(nil), []string{"client"}},
		"largest client":      {validateNewClient(largest), nil},
		"too large client":    {validateNewClient(tooLarge), append([]string{"client.id"}, settings...)},
		"lists":               {validateNewClient(&signetv1.Client{Audience: []string{"a", ""}, CertSan: names(1, 1025)}), []string{"client.audience[1]", "client.cert_san[0]"}},
		"a name in red":       {validateNewClient(&signetv1.Client{Name: "\x1b[31mred"}), []string{"client.name"}},
		"largest update":      {validateClientUpdate(&signetv1.UpdateClientRequest{Client: largest, UpdateMask: mask("name", "cert_san")}), nil},
		"empty update":        {validateClientUpdate(&signetv1.UpdateClientRequest{}), []string{"client.id", "update_mask"}},
		"too large update":    {validateClientUpdate(&signetv1.UpdateClientRequest{Client: tooLarge, UpdateMask: mask("name")}), append([]string{"client.id"}, settings...)},
		"what stays":          {validateClientUpdate(&signetv1.UpdateClientRequest{Client: largest, UpdateMask: mask("name", "public")}), []string{"update_mask"}},
		"a part of a field":   {validateClientUpdate(&signetv1.UpdateClientRequest{Client: largest, UpdateMask: mask("leeway.seconds")}), []string{"update_mask"}},
		"everything":          {validateClientUpdate(&signetv1.UpdateClientRequest{Client: largest, UpdateMask: mask("*")}), []string{"update_mask"}},
		"largest audience":    {validateNewAudience(api), nil},
		"no audience":         {validateNewAudience(nil), []string{"audience.id"}},
		"too large audience":  {validateNewAudience(wide), []string{"audience.id", "audience.algorithm", "audience.lifetime", "audience.scope", "audience.claims"}},
		"audience update":     {validateAudienceUpdate(&signetv1.UpdateAudienceRequest{Audience: api, UpdateMask: mask("claims", "scope")}), nil},
		"no audience update":  {validateAudienceUpdate(&signetv1.UpdateAudienceRequest{}), []string{"audience.id", "update_mask"}},
		"what is told of it":  {validateAudienceUpdate(&signetv1.UpdateAudienceRequest{Audience: api, UpdateMask: mask("disabled_at")}), []string{"update_mask"}},
		"a field in JSON":     {validateClientUpdate(&signetv1.UpdateClientRequest{Client: largest, UpdateMask: mask("refreshIdle")}), []string{"update_mask"}},
		"an empty mask entry": {validateClientUpdate(&signetv1.UpdateClientRequest{Client: largest, UpdateMask: mask("")}), []string{"update_mask"}},
	} {
		s := translate(t.Context(), c.err)
		var got []string
		for _, f := range detail[*errdetails.BadRequest](s).GetFieldViolations() {
			got = append(got, f.GetField())
		}
		if !slices.Equal(got, c.want) || c.want != nil && reason(s.Err()) != "INVALID_REQUEST" {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// An empty request is an INVALID_ARGUMENT that names its fields, or asks for a list.
func TestEmptyRequestsOfAdministration(t *testing.T) {
	h := openHouse(t)
	ctx := h.administrate(t)
	good := []string{"ListUsers", "ListClients", "ListAudiences", "ListKeys", "RotateKeys"}
	for _, m := range signetv1.AdminService_ServiceDesc.Methods {
		err := h.conn.Invoke(ctx, "/"+signetv1.AdminService_ServiceDesc.ServiceName+"/"+m.MethodName, &emptypb.Empty{}, &emptypb.Empty{})
		if slices.Contains(good, m.MethodName) {
			must(t, err)
			continue
		}
		if reason(err) != "INVALID_REQUEST" || len(detail[*errdetails.BadRequest](status.Convert(err)).GetFieldViolations()) == 0 {
			t.Errorf("%s: %v", m.MethodName, err)
		}
	}
}

// What the verbs refuse comes as the category that it is.
func TestRefusedAdministration(t *testing.T) {
	h := openHouse(t)
	ctx := h.administrate(t)
	for name, c := range map[string]struct {
		call func() error
		want string
	}{
		"a name that is taken": {func() error {
			_, err := h.operator.CreateUser(ctx, &signetv1.CreateUserRequest{Username: username, Password: "a very good password"})
			return err
		}, "ALREADY_EXISTS"},
		"a user who is not there": {func() error {
			_, err := h.operator.DisableUser(ctx, &signetv1.DisableUserRequest{Username: "nobody"})
			return err
		}, "NOT_FOUND"},
		"a client that is not there": {func() error {
			_, err := h.operator.DisableClient(ctx, &signetv1.DisableClientRequest{Id: "nobody"})
			return err
		}, "NOT_FOUND"},
		"an audience that is not there": {func() error {
			_, err := h.operator.CreateClient(ctx, &signetv1.CreateClientRequest{Client: &signetv1.Client{Audience: []string{"nothing"}}})
			return err
		}, "FAILED_PRECONDITION"},
		"a scope that is malformed": {func() error {
			_, err := h.operator.CreateClient(ctx, &signetv1.CreateClientRequest{Client: &signetv1.Client{Scope: "a  b"}})
			return err
		}, "INVALID_SCOPE"},
		"a scope that is malformed, in an update": {func() error {
			_, err := h.operator.UpdateClient(ctx, &signetv1.UpdateClientRequest{
				Client: &signetv1.Client{Id: "web", Scope: "\""}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"scope"}},
			})
			return err
		}, "INVALID_SCOPE"},
		"a secret of a public client": {func() error {
			_, err := h.operator.RotateClientSecret(ctx, &signetv1.RotateClientSecretRequest{Id: "spa"})
			return err
		}, "FAILED_PRECONDITION"},
		"an algorithm that is none": {func() error {
			_, err := h.operator.CreateAudience(ctx, &signetv1.CreateAudienceRequest{Audience: &signetv1.Audience{Id: "x", Algorithm: "none"}})
			return err
		}, "INVALID_REQUEST"},
		"a lifetime that is too long": {func() error {
			_, err := h.operator.UpdateAudience(ctx, &signetv1.UpdateAudienceRequest{
				Audience:   &signetv1.Audience{Id: "api", Lifetime: durationpb.New(24 * time.Hour)},
				UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"lifetime"}},
			})
			return err
		}, "INVALID_REQUEST"},
	} {
		if err := c.call(); reason(err) != c.want {
			t.Errorf("%s: %v %q, want %s", name, err, reason(err), c.want)
		}
	}
}

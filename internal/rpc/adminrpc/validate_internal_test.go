package adminrpc

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/rpc/validate"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func TestFieldSizesAreBounded(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	names := func(n, size int) []string { return slices.Repeat([]string{x(size)}, n) }
	minute, broken := durationpb.New(time.Minute), &durationpb.Duration{Seconds: 1, Nanos: -1}
	mask := func(paths ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: paths} }
	largest := &signetv1.Client{
		Id: x(128), Name: "👩‍💻 " + x(240), Audience: names(256, 256), Scope: x(4096),
		RefreshIdle: minute, RefreshAbsolute: minute, Leeway: minute, RetryWindow: minute, CertSan: names(16, 1024),
		Jwks: x(32 << 10), CorsOrigin: names(16, 267),
		Browser: &signetv1.Browser{Way: x(64), Origin: names(16, 267), LoginPath: x(2 << 10)},
	}
	tooLarge := &signetv1.Client{
		Id: x(129), Name: x(257), Audience: names(257, 1), Scope: x(4097),
		RefreshIdle: broken, RefreshAbsolute: broken, Leeway: broken, RetryWindow: broken, CertSan: names(17, 1),
		Jwks: x(32<<10 + 1), CorsOrigin: names(17, 1),
		Browser: &signetv1.Browser{Way: x(65), Origin: names(17, 1), LoginPath: x(2<<10 + 1)},
	}
	api := &signetv1.Audience{Id: x(256), Algorithm: x(64), Lifetime: minute, Scope: x(4096), Claims: names(32, 128)}
	wide := &signetv1.Audience{Id: x(257), Algorithm: x(65), Lifetime: broken, Scope: x(4097), Claims: names(33, 1)}
	settings := []string{
		"client.name", "client.audience", "client.scope", "client.refresh_idle", "client.refresh_absolute",
		"client.leeway", "client.retry_window", "client.cert_san", "client.jwks",
		"client.browser.way", "client.browser.origin", "client.browser.login_path", "client.cors_origin",
	}
	updateClient := func(c *signetv1.Client, paths ...string) error {
		return validateClientUpdate(&signetv1.UpdateClientRequest{Client: c, UpdateMask: mask(paths...)})
	}
	updateAudience := func(a *signetv1.Audience, paths ...string) error {
		return validateAudienceUpdate(&signetv1.UpdateAudienceRequest{Audience: a, UpdateMask: mask(paths...)})
	}
	lists := &signetv1.Client{Audience: []string{"a", ""}, CertSan: names(1, 1025)}
	noUpdate, noAudienceUpdate := &signetv1.UpdateClientRequest{}, &signetv1.UpdateAudienceRequest{}
	for name, c := range map[string]struct {
		err  error
		want []string // the invalid fields
	}{
		"largest user":      {validatePassword(x(1024), x(1024)), nil},
		"empty user":        {validatePassword("", ""), []string{"username", "password"}},
		"too large user":    {validatePassword(x(1025), x(1025)), []string{"username", "password"}},
		"largest name":      {validateUsername(x(1024)), nil},
		"empty name":        {validateUsername(""), []string{"username"}},
		"too large name":    {validateUsername(x(1025)), []string{"username"}},
		"largest page":      {validatePage(1000, x(1024)), nil},
		"too large page":    {validatePage(1001, x(1025)), []string{"page_size", "page_token"}},
		"negative page":     {validatePage(-1, ""), []string{"page_size"}},
		"largest id":        {validateID(x(128), oauth.MaxClientID), nil},
		"empty id":          {validateID("", oauth.MaxClientID), []string{"id"}},
		"too large id":      {validateID(x(129), oauth.MaxClientID), []string{"id"}},
		"largest kid":       {validateKid(x(128)), nil},
		"empty kid":         {validateKid(""), []string{"kid"}},
		"too large kid":     {validateKid(x(129)), []string{"kid"}},
		"all algorithms":    {validateAlgorithms([]string{"RS256", "mac", "EdDSA", "ES256"}), nil},
		"unknown algorithm": {validateAlgorithms([]string{"RS256", "HS256", "x"}), []string{"algorithms[1]"}},
		"algorithm twice":   {validateAlgorithms([]string{"mac", "mac"}), []string{"algorithms[1]"}},
		"smallest client":   {validateNewClient(&signetv1.Client{}), nil},
		"no client":         {validateNewClient(nil), []string{"client"}},
		"largest client":    {validateNewClient(largest), nil},
		"too large client":  {validateNewClient(tooLarge), append([]string{"client.id"}, settings...)},
		"lists":             {validateNewClient(lists), []string{"client.audience[1]", "client.cert_san[0]"}},
		"escape sequence":   {validateNewClient(&signetv1.Client{Name: "\x1b[31mred"}), []string{"client.name"}},
		"largest update":    {updateClient(largest, "name", "cert_san"), nil},
		"empty update":      {validateClientUpdate(noUpdate), []string{"client.id", "update_mask"}},
		"too large update":  {updateClient(tooLarge, "name"), append([]string{"client.id"}, settings...)},
		"fixed field":       {updateClient(largest, "name", "public"), []string{"update_mask"}},
		"way of a browser":  {updateClient(largest, "browser.way"), []string{"update_mask"}},
		"whole browser":     {updateClient(largest, "browser"), []string{"update_mask"}},
		"part of a field":   {updateClient(largest, "leeway.seconds"), []string{"update_mask"}},
		"wildcard":          {updateClient(largest, "*"), []string{"update_mask"}},
		"largest audience":  {validateNewAudience(api), nil},
		"no audience":       {validateNewAudience(nil), []string{"audience.id"}},
		"too large audience": {validateNewAudience(wide), []string{
			"audience.id", "audience.algorithm", "audience.lifetime", "audience.scope", "audience.claims",
		}},
		"audience update":      {updateAudience(api, "claims", "scope"), nil},
		"no audience update":   {validateAudienceUpdate(noAudienceUpdate), []string{"audience.id", "update_mask"}},
		"output field":         {updateAudience(api, "disabled_at"), []string{"update_mask"}},
		"JSON name of a field": {updateClient(largest, "refreshIdle"), []string{"update_mask"}},
		"an empty mask entry":  {updateClient(largest, ""), []string{"update_mask"}},
	} {
		var fields validate.Violations
		errors.As(c.err, &fields)
		var got []string
		for _, f := range fields {
			got = append(got, f.GetField())
		}
		if !slices.Equal(got, c.want) || c.want != nil && oauth.AsError(c.err).Code.Reason() != "INVALID_REQUEST" {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

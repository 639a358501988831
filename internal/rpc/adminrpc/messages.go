package adminrpc

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func userMessage(u login.User) *signetv1.User {
	m := &signetv1.User{
		Id: u.ID, Username: u.Username, DisabledAt: timestamp(u.DisabledAt), CreatedAt: timestamp(u.CreatedAt),
	}
	if len(u.Claims) > 0 {
		// NewStruct fails only for values that JSON does not have. The store
		// keeps claims as JSON.
		m.Claims, _ = structpb.NewStruct(u.Claims)
	}
	return m
}

// readClaims returns the claims of a request, or nil if there are none.
func readClaims(given *structpb.Struct) map[string]any {
	if len(given.GetFields()) == 0 {
		return nil
	}
	return given.AsMap()
}

// readClient returns the client that a request describes.
func readClient(m *signetv1.Client) (c client.Client, err error) {
	c = client.Client{
		ID: m.GetId(), Name: m.GetName(), Public: m.GetPublic(), Audiences: m.GetAudience(),
		RefreshIdle: m.GetRefreshIdle().AsDuration(), RefreshAbsolute: m.GetRefreshAbsolute().AsDuration(),
		MintSubjects: m.GetMintSubjects(), CertSANs: m.GetCertSan(), CORSOrigins: m.GetCorsOrigin(),
		IntrospectAudiences: m.GetIntrospectAudience(),
	}
	if b := m.GetBrowser(); b != nil {
		c.Browser = &client.Browser{
			Way: client.Way(b.GetWay()), Origins: b.GetOrigin(), LoginPath: b.GetLoginPath(),
		}
	}
	c.Leeway, c.RetryWindow = readDuration(m.GetLeeway()), readDuration(m.GetRetryWindow())
	if m.GrantsPerUser != nil {
		n := int(m.GetGrantsPerUser())
		c.GrantsPerUser = &n
	}
	if m.GetJwks() != "" {
		if c.Keys, err = admin.ReadClientKeys([]byte(m.GetJwks())); err != nil {
			return c, err
		}
	}
	c.Scope, err = oauth.ParseScope(m.GetScope())
	return c, err
}

func clientMessage(c client.Client) *signetv1.Client {
	m := &signetv1.Client{
		Id: c.ID, Name: c.Name, Public: c.Public, Audience: c.Audiences, Scope: c.Scope.String(),
		RefreshIdle: duration(c.RefreshIdle), RefreshAbsolute: duration(c.RefreshAbsolute),
		MintSubjects: c.MintSubjects, CertSan: c.CertSANs, CorsOrigin: c.CORSOrigins,
		IntrospectAudience: c.IntrospectAudiences,
		DisabledAt:         timestamp(c.DisabledAt), CreatedAt: timestamp(c.CreatedAt),
	}
	if b := c.Browser; b != nil {
		m.Browser = &signetv1.Browser{Way: string(b.Way), Origin: b.Origins, LoginPath: b.LoginPath}
	}
	if c.Leeway != nil {
		m.Leeway = durationpb.New(*c.Leeway)
	}
	if c.RetryWindow != nil {
		m.RetryWindow = durationpb.New(*c.RetryWindow)
	}
	if c.GrantsPerUser != nil {
		m.GrantsPerUser = proto.Int32(int32(*c.GrantsPerUser))
	}
	for _, key := range c.Keys {
		m.Keys = append(m.Keys, &signetv1.ClientKey{Kid: key.ID, Algorithm: key.Algorithm})
	}
	for _, secret := range c.Secrets {
		m.SecretCreatedAt = append(m.SecretCreatedAt, timestamp(secret.CreatedAt))
	}
	return m
}

// readAudience returns the audience that a request describes.
func readAudience(m *signetv1.Audience) (a client.Audience, err error) {
	a = client.Audience{
		ID: m.GetId(), Algorithm: m.GetAlgorithm(), Lifetime: m.GetLifetime().AsDuration(), Claims: m.GetClaims(),
		ReuseTokens: m.GetRepeatTokens(),
	}
	a.Scope, err = oauth.ParseScope(m.GetScope())
	return a, err
}

func audienceMessage(a client.Audience) *signetv1.Audience {
	return &signetv1.Audience{
		Id: a.ID, Algorithm: a.Algorithm, PreviousAlgorithm: a.PreviousAlgorithm, Lifetime: duration(a.Lifetime),
		Scope: a.Scope.String(), Claims: a.Claims, RepeatTokens: a.ReuseTokens,
		DisabledAt: timestamp(a.DisabledAt), CreatedAt: timestamp(a.CreatedAt),
	}
}

// readDuration returns the duration of a message, or nil if it is not set.
func readDuration(m *durationpb.Duration) *time.Duration {
	if m == nil {
		return nil
	}
	d := m.AsDuration()
	return &d
}

// duration returns d as a message, or nil for zero, which means the issuer's
// default.
func duration(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}

// timestamp returns t as a message, or nil for the zero time.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

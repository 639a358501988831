package rpc

import (
	"context"
	"slices"
	"sort"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/signetd/signet/internal/oauth"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// CreateClient registers a client.
func (s *adminService) CreateClient(ctx context.Context, r *signetv1.CreateClientRequest) (*signetv1.CreateClientResponse, error) {
	if err := validateNewClient(r.GetClient()); err != nil {
		return nil, err
	}
	scope, err := oauth.ParseScope(r.GetClient().GetScope())
	if err != nil {
		return nil, err
	}
	c := oauth.Client{ID: r.GetClient().GetId(), Public: r.GetClient().GetPublic()}
	for _, take := range clientFields {
		take(&c, r.GetClient(), scope)
	}
	c, secret, err := s.admin.CreateClient(ctx, actorOf(ctx), c)
	if err != nil {
		return nil, err
	}
	return &signetv1.CreateClientResponse{Client: client(c), ClientSecret: secret}, nil
}

// GetClient returns a client.
func (s *adminService) GetClient(ctx context.Context, r *signetv1.GetClientRequest) (*signetv1.Client, error) {
	if err := validateID(r.GetId(), maxClientID); err != nil {
		return nil, err
	}
	d, err := s.admin.Directory(ctx)
	if err != nil {
		return nil, err
	}
	n := slices.IndexFunc(d.Clients, func(c oauth.Client) bool { return c.ID == r.GetId() })
	if n < 0 {
		return nil, oauth.Refused(oauth.NotFound, nil)
	}
	return client(d.Clients[n]), nil
}

// ListClients returns one page of the clients.
func (s *adminService) ListClients(ctx context.Context, r *signetv1.ListClientsRequest) (*signetv1.ListClientsResponse, error) {
	const list = "clients"
	if err := validatePage(r.GetPageSize(), r.GetPageToken()); err != nil {
		return nil, err
	}
	after, err := s.pages.cursor(ctx, list, r.GetPageToken())
	if err != nil {
		return nil, err
	}
	d, err := s.admin.Directory(ctx)
	if err != nil {
		return nil, err
	}
	rest := sort.Search(len(d.Clients), func(n int) bool { return d.Clients[n].ID > after })
	page, more := cut(d.Clients[rest:], pageSize(r.GetPageSize()), client)
	answer := &signetv1.ListClientsResponse{Clients: page}
	if more {
		answer.NextPageToken, err = s.pages.token(list, page[len(page)-1].GetId())
	}
	return answer, err
}

// UpdateClient changes the fields that the mask names.
func (s *adminService) UpdateClient(ctx context.Context, r *signetv1.UpdateClientRequest) (*emptypb.Empty, error) {
	if err := validateClientUpdate(r); err != nil {
		return nil, err
	}
	scope, err := oauth.ParseScope(r.GetClient().GetScope())
	if err != nil {
		return nil, err
	}
	return done(s.admin.UpdateClient(ctx, actorOf(ctx), r.GetClient().GetId(), func(c *oauth.Client) {
		for _, field := range r.GetUpdateMask().GetPaths() {
			clientFields[field](c, r.GetClient(), scope)
		}
	}))
}

// RotateClientSecret gives the client one more secret.
func (s *adminService) RotateClientSecret(
	ctx context.Context, r *signetv1.RotateClientSecretRequest,
) (*signetv1.RotateClientSecretResponse, error) {
	if err := validateID(r.GetId(), maxClientID); err != nil {
		return nil, err
	}
	secret, err := s.admin.RotateSecret(ctx, actorOf(ctx), r.GetId())
	if err != nil {
		return nil, err
	}
	return &signetv1.RotateClientSecretResponse{ClientSecret: secret}, nil
}

// DisableClient refuses the client.
func (s *adminService) DisableClient(ctx context.Context, r *signetv1.DisableClientRequest) (*emptypb.Empty, error) {
	if err := validateID(r.GetId(), maxClientID); err != nil {
		return nil, err
	}
	return done(s.admin.DisableClient(ctx, actorOf(ctx), r.GetId()))
}

// EnableClient undoes DisableClient.
func (s *adminService) EnableClient(ctx context.Context, r *signetv1.EnableClientRequest) (*emptypb.Empty, error) {
	if err := validateID(r.GetId(), maxClientID); err != nil {
		return nil, err
	}
	return done(s.admin.EnableClient(ctx, actorOf(ctx), r.GetId()))
}

// DeleteClient deletes the client.
func (s *adminService) DeleteClient(ctx context.Context, r *signetv1.DeleteClientRequest) (*emptypb.Empty, error) {
	if err := validateID(r.GetId(), maxClientID); err != nil {
		return nil, err
	}
	return done(s.admin.DeleteClient(ctx, actorOf(ctx), r.GetId()))
}

// clientFields are what an update may change of a client, by their names in a mask. scope is that of from.
var clientFields = map[string]func(to *oauth.Client, from *signetv1.Client, scope oauth.Scope){
	"name":     func(to *oauth.Client, from *signetv1.Client, _ oauth.Scope) { to.Name = from.GetName() },
	"audience": func(to *oauth.Client, from *signetv1.Client, _ oauth.Scope) { to.Audiences = from.GetAudience() },
	"scope":    func(to *oauth.Client, _ *signetv1.Client, scope oauth.Scope) { to.Scope = scope },
	"refresh_idle": func(to *oauth.Client, from *signetv1.Client, _ oauth.Scope) {
		to.RefreshIdle = from.GetRefreshIdle().AsDuration()
	},
	"refresh_absolute": func(to *oauth.Client, from *signetv1.Client, _ oauth.Scope) {
		to.RefreshAbsolute = from.GetRefreshAbsolute().AsDuration()
	},
	"leeway": func(to *oauth.Client, from *signetv1.Client, _ oauth.Scope) {
		to.Leeway = nil
		if from.GetLeeway() != nil {
			leeway := from.GetLeeway().AsDuration()
			to.Leeway = &leeway
		}
	},
	"mint_subjects": func(to *oauth.Client, from *signetv1.Client, _ oauth.Scope) { to.MintSubjects = from.GetMintSubjects() },
	"cert_san":      func(to *oauth.Client, from *signetv1.Client, _ oauth.Scope) { to.CertSANs = from.GetCertSan() },
}

func client(c oauth.Client) *signetv1.Client {
	m := &signetv1.Client{
		Id: c.ID, Name: c.Name, Public: c.Public, Audience: c.Audiences, Scope: c.Scope.String(),
		RefreshIdle: duration(c.RefreshIdle), RefreshAbsolute: duration(c.RefreshAbsolute),
		MintSubjects: c.MintSubjects, CertSan: c.CertSANs,
		DisabledAt: timestamp(c.DisabledAt), CreatedAt: timestamp(c.CreatedAt),
	}
	if c.Leeway != nil {
		m.Leeway = durationpb.New(*c.Leeway)
	}
	for _, secret := range c.Secrets {
		m.SecretCreatedAt = append(m.SecretCreatedAt, timestamp(secret.CreatedAt))
	}
	return m
}

// duration leaves out zero, which means the issuer's default.
func duration(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}

package rpc

import (
	"context"
	"sort"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// CreateClient registers a client.
func (s *adminService) CreateClient(ctx context.Context, r *signetv1.CreateClientRequest) (*signetv1.CreateClientResponse, error) {
	if err := validateNewClient(r.GetClient()); err != nil {
		return nil, err
	}
	c, err := readClient(r.GetClient())
	if err != nil {
		return nil, err
	}
	c, secret, err := s.admin.CreateClient(ctx, actorOf(ctx), c)
	if err != nil {
		return nil, err
	}
	return &signetv1.CreateClientResponse{Client: clientMessage(c), ClientSecret: secret}, nil
}

// GetClient returns a client.
func (s *adminService) GetClient(ctx context.Context, r *signetv1.GetClientRequest) (*signetv1.Client, error) {
	if err := validateID(r.GetId(), oauth.MaxClientID); err != nil {
		return nil, err
	}
	d, err := s.admin.Directory(ctx)
	if err != nil {
		return nil, err
	}
	c, ok := d.Client(r.GetId())
	if !ok {
		return nil, oauth.Refused(oauth.NotFound, nil)
	}
	return clientMessage(c), nil
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
	page, more := cut(d.Clients[rest:], pageSize(r.GetPageSize()), clientMessage)
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
	given, err := readClient(r.GetClient())
	if err != nil {
		return nil, err
	}
	return done(s.admin.UpdateClient(ctx, actorOf(ctx), given.ID, func(c *client.Client) {
		for _, field := range r.GetUpdateMask().GetPaths() {
			clientFields[field](c, given)
		}
	}))
}

// RotateClientSecret gives the client one more secret.
func (s *adminService) RotateClientSecret(
	ctx context.Context, r *signetv1.RotateClientSecretRequest,
) (*signetv1.RotateClientSecretResponse, error) {
	if err := validateID(r.GetId(), oauth.MaxClientID); err != nil {
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
	if err := validateID(r.GetId(), oauth.MaxClientID); err != nil {
		return nil, err
	}
	return done(s.admin.DisableClient(ctx, actorOf(ctx), r.GetId()))
}

// EnableClient undoes DisableClient.
func (s *adminService) EnableClient(ctx context.Context, r *signetv1.EnableClientRequest) (*emptypb.Empty, error) {
	if err := validateID(r.GetId(), oauth.MaxClientID); err != nil {
		return nil, err
	}
	return done(s.admin.EnableClient(ctx, actorOf(ctx), r.GetId()))
}

// DeleteClient deletes the client.
func (s *adminService) DeleteClient(ctx context.Context, r *signetv1.DeleteClientRequest) (*emptypb.Empty, error) {
	if err := validateID(r.GetId(), oauth.MaxClientID); err != nil {
		return nil, err
	}
	return done(s.admin.DeleteClient(ctx, actorOf(ctx), r.GetId()))
}

// clientFields are what an update may change of a client, by their names in a mask.
var clientFields = map[string]func(to *client.Client, from client.Client){
	"name":             func(to *client.Client, from client.Client) { to.Name = from.Name },
	"audience":         func(to *client.Client, from client.Client) { to.Audiences = from.Audiences },
	"scope":            func(to *client.Client, from client.Client) { to.Scope = from.Scope },
	"refresh_idle":     func(to *client.Client, from client.Client) { to.RefreshIdle = from.RefreshIdle },
	"refresh_absolute": func(to *client.Client, from client.Client) { to.RefreshAbsolute = from.RefreshAbsolute },
	"leeway":           func(to *client.Client, from client.Client) { to.Leeway = from.Leeway },
	"mint_subjects":    func(to *client.Client, from client.Client) { to.MintSubjects = from.MintSubjects },
	"cert_san":         func(to *client.Client, from client.Client) { to.CertSANs = from.CertSANs },
	"jwks":             func(to *client.Client, from client.Client) { to.Keys = from.Keys },
}

// readClient decodes what a request may say of a client.
func readClient(m *signetv1.Client) (c client.Client, err error) {
	c = client.Client{
		ID: m.GetId(), Name: m.GetName(), Public: m.GetPublic(), Audiences: m.GetAudience(),
		RefreshIdle: m.GetRefreshIdle().AsDuration(), RefreshAbsolute: m.GetRefreshAbsolute().AsDuration(),
		MintSubjects: m.GetMintSubjects(), CertSANs: m.GetCertSan(),
	}
	if m.GetLeeway() != nil {
		leeway := m.GetLeeway().AsDuration()
		c.Leeway = &leeway
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
		MintSubjects: c.MintSubjects, CertSan: c.CertSANs,
		DisabledAt: timestamp(c.DisabledAt), CreatedAt: timestamp(c.CreatedAt),
	}
	if c.Leeway != nil {
		m.Leeway = durationpb.New(*c.Leeway)
	}
	for _, key := range c.Keys {
		m.Keys = append(m.Keys, &signetv1.ClientKey{Kid: key.ID, Algorithm: key.Algorithm})
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

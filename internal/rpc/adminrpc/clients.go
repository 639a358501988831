package adminrpc

import (
	"context"
	"sort"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/rpc/page"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// CreateClient registers a client.
func (s *Service) CreateClient(
	ctx context.Context, r *signetv1.CreateClientRequest,
) (*signetv1.CreateClientResponse, error) {
	if err := validateNewClient(r.GetClient()); err != nil {
		return nil, err
	}
	c, err := readClient(r.GetClient())
	if err != nil {
		return nil, err
	}
	c, secret, err := s.Admin.CreateClient(ctx, actorOf(ctx), c, "")
	if err != nil {
		return nil, err
	}
	return &signetv1.CreateClientResponse{Client: clientMessage(c), ClientSecret: secret}, nil
}

// GetClient returns a client.
func (s *Service) GetClient(ctx context.Context, r *signetv1.GetClientRequest) (*signetv1.Client, error) {
	if err := validateID(r.GetId(), oauth.MaxClientID); err != nil {
		return nil, err
	}
	d, err := s.Admin.Directory(ctx)
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
func (s *Service) ListClients(
	ctx context.Context, r *signetv1.ListClientsRequest,
) (*signetv1.ListClientsResponse, error) {
	const list = "clients"
	if err := validatePage(r.GetPageSize(), r.GetPageToken()); err != nil {
		return nil, err
	}
	after, err := s.pages().Cursor(ctx, list, r.GetPageToken())
	if err != nil {
		return nil, err
	}
	d, err := s.Admin.Directory(ctx)
	if err != nil {
		return nil, err
	}

	first := sort.Search(len(d.Clients), func(n int) bool { return d.Clients[n].ID > after })
	found, more := page.Cut(d.Clients[first:], page.Size(r.GetPageSize()), clientMessage)
	response := &signetv1.ListClientsResponse{Clients: found}
	if more {
		response.NextPageToken, err = s.pages().Make(list, found[len(found)-1].GetId())
	}
	return response, err
}

// UpdateClient sets the fields of a client that the mask names.
func (s *Service) UpdateClient(ctx context.Context, r *signetv1.UpdateClientRequest) (*emptypb.Empty, error) {
	if err := validateClientUpdate(r); err != nil {
		return nil, err
	}
	given, err := readClient(r.GetClient())
	if err != nil {
		return nil, err
	}
	return empty(s.Admin.UpdateClient(ctx, actorOf(ctx), given.ID, func(c *client.Client) {
		for _, field := range r.GetUpdateMask().GetPaths() {
			clientFields[field](c, given)
		}
	}))
}

// RotateClientSecret creates another secret of a client. The last one before it
// stays valid.
func (s *Service) RotateClientSecret(
	ctx context.Context, r *signetv1.RotateClientSecretRequest,
) (*signetv1.RotateClientSecretResponse, error) {
	if err := validateID(r.GetId(), oauth.MaxClientID); err != nil {
		return nil, err
	}
	rotate := s.Admin.RotateSecret
	if r.GetCompromised() {
		rotate = s.Admin.CompromiseSecrets
	}
	secret, err := rotate(ctx, actorOf(ctx), r.GetId())
	if err != nil {
		return nil, err
	}
	return &signetv1.RotateClientSecretResponse{ClientSecret: secret}, nil
}

// DisableClient disables a client.
func (s *Service) DisableClient(ctx context.Context, r *signetv1.DisableClientRequest) (*emptypb.Empty, error) {
	if err := validateID(r.GetId(), oauth.MaxClientID); err != nil {
		return nil, err
	}
	return empty(s.Admin.DisableClient(ctx, actorOf(ctx), r.GetId()))
}

// EnableClient reverts DisableClient.
func (s *Service) EnableClient(ctx context.Context, r *signetv1.EnableClientRequest) (*emptypb.Empty, error) {
	if err := validateID(r.GetId(), oauth.MaxClientID); err != nil {
		return nil, err
	}
	return empty(s.Admin.EnableClient(ctx, actorOf(ctx), r.GetId()))
}

// DeleteClient deletes a client.
func (s *Service) DeleteClient(ctx context.Context, r *signetv1.DeleteClientRequest) (*emptypb.Empty, error) {
	if err := validateID(r.GetId(), oauth.MaxClientID); err != nil {
		return nil, err
	}
	return empty(s.Admin.DeleteClient(ctx, actorOf(ctx), r.GetId()))
}

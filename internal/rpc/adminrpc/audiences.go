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

// CreateAudience registers an audience.
func (s *Service) CreateAudience(ctx context.Context, r *signetv1.CreateAudienceRequest) (*signetv1.Audience, error) {
	if err := validateNewAudience(r.GetAudience()); err != nil {
		return nil, err
	}
	a, err := readAudience(r.GetAudience())
	if err != nil {
		return nil, err
	}
	a, err = s.Admin.CreateAudience(ctx, actorOf(ctx), a)
	if err != nil {
		return nil, err
	}
	return audienceMessage(a), nil
}

// GetAudience returns an audience.
func (s *Service) GetAudience(ctx context.Context, r *signetv1.GetAudienceRequest) (*signetv1.Audience, error) {
	if err := validateID(r.GetId(), oauth.MaxAudienceID); err != nil {
		return nil, err
	}
	d, err := s.Admin.Directory(ctx)
	if err != nil {
		return nil, err
	}
	a, ok := d.Audience(r.GetId())
	if !ok {
		return nil, oauth.Refused(oauth.NotFound, nil)
	}
	return audienceMessage(a), nil
}

// ListAudiences returns one page of the audiences.
func (s *Service) ListAudiences(
	ctx context.Context, r *signetv1.ListAudiencesRequest,
) (*signetv1.ListAudiencesResponse, error) {
	const list = "audiences"
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

	first := sort.Search(len(d.Audiences), func(n int) bool { return d.Audiences[n].ID > after })
	found, more := page.Cut(d.Audiences[first:], page.Size(r.GetPageSize()), audienceMessage)
	response := &signetv1.ListAudiencesResponse{Audiences: found}
	if more {
		response.NextPageToken, err = s.pages().Make(list, found[len(found)-1].GetId())
	}
	return response, err
}

// UpdateAudience sets the fields of an audience that the mask names.
func (s *Service) UpdateAudience(ctx context.Context, r *signetv1.UpdateAudienceRequest) (*emptypb.Empty, error) {
	if err := validateAudienceUpdate(r); err != nil {
		return nil, err
	}
	given, err := readAudience(r.GetAudience())
	if err != nil {
		return nil, err
	}
	return empty(s.Admin.UpdateAudience(ctx, actorOf(ctx), given.ID, func(a *client.Audience) {
		for _, field := range r.GetUpdateMask().GetPaths() {
			audienceFields[field](a, given)
		}
	}))
}

// DisableAudience disables an audience: the issuer signs no tokens for it.
func (s *Service) DisableAudience(ctx context.Context, r *signetv1.DisableAudienceRequest) (*emptypb.Empty, error) {
	if err := validateID(r.GetId(), oauth.MaxAudienceID); err != nil {
		return nil, err
	}
	return empty(s.Admin.DisableAudience(ctx, actorOf(ctx), r.GetId()))
}

// EnableAudience reverts DisableAudience.
func (s *Service) EnableAudience(ctx context.Context, r *signetv1.EnableAudienceRequest) (*emptypb.Empty, error) {
	if err := validateID(r.GetId(), oauth.MaxAudienceID); err != nil {
		return nil, err
	}
	return empty(s.Admin.EnableAudience(ctx, actorOf(ctx), r.GetId()))
}

// DeleteAudience deletes an audience.
func (s *Service) DeleteAudience(ctx context.Context, r *signetv1.DeleteAudienceRequest) (*emptypb.Empty, error) {
	if err := validateID(r.GetId(), oauth.MaxAudienceID); err != nil {
		return nil, err
	}
	return empty(s.Admin.DeleteAudience(ctx, actorOf(ctx), r.GetId()))
}

package rpc

import (
	"context"
	"sort"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// CreateAudience registers an audience.
func (s *adminService) CreateAudience(ctx context.Context, r *signetv1.CreateAudienceRequest) (*signetv1.Audience, error) {
	if err := validateNewAudience(r.GetAudience()); err != nil {
		return nil, err
	}
	x, err := readAudience(r.GetAudience())
	if err != nil {
		return nil, err
	}
	x, err = s.admin.CreateAudience(ctx, actorOf(ctx), x)
	if err != nil {
		return nil, err
	}
	return audienceMessage(x), nil
}

// GetAudience returns an audience.
func (s *adminService) GetAudience(ctx context.Context, r *signetv1.GetAudienceRequest) (*signetv1.Audience, error) {
	if err := validateID(r.GetId(), oauth.MaxAudienceID); err != nil {
		return nil, err
	}
	d, err := s.admin.Directory(ctx)
	if err != nil {
		return nil, err
	}
	x, ok := d.Audience(r.GetId())
	if !ok {
		return nil, oauth.Refused(oauth.NotFound, nil)
	}
	return audienceMessage(x), nil
}

// ListAudiences returns one page of the audiences.
func (s *adminService) ListAudiences(ctx context.Context, r *signetv1.ListAudiencesRequest) (*signetv1.ListAudiencesResponse, error) {
	const list = "audiences"
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
	rest := sort.Search(len(d.Audiences), func(n int) bool { return d.Audiences[n].ID > after })
	page, more := cut(d.Audiences[rest:], pageSize(r.GetPageSize()), audienceMessage)
	answer := &signetv1.ListAudiencesResponse{Audiences: page}
	if more {
		answer.NextPageToken, err = s.pages.token(list, page[len(page)-1].GetId())
	}
	return answer, err
}

// UpdateAudience changes the fields that the mask names.
func (s *adminService) UpdateAudience(ctx context.Context, r *signetv1.UpdateAudienceRequest) (*emptypb.Empty, error) {
	if err := validateAudienceUpdate(r); err != nil {
		return nil, err
	}
	given, err := readAudience(r.GetAudience())
	if err != nil {
		return nil, err
	}
	return done(s.admin.UpdateAudience(ctx, actorOf(ctx), given.ID, func(x *client.Audience) {
		for _, field := range r.GetUpdateMask().GetPaths() {
			audienceFields[field](x, given)
		}
	}))
}

// DisableAudience stops tokens for the audience.
func (s *adminService) DisableAudience(ctx context.Context, r *signetv1.DisableAudienceRequest) (*emptypb.Empty, error) {
	if err := validateID(r.GetId(), oauth.MaxAudienceID); err != nil {
		return nil, err
	}
	return done(s.admin.DisableAudience(ctx, actorOf(ctx), r.GetId()))
}

// EnableAudience undoes DisableAudience.
func (s *adminService) EnableAudience(ctx context.Context, r *signetv1.EnableAudienceRequest) (*emptypb.Empty, error) {
	if err := validateID(r.GetId(), oauth.MaxAudienceID); err != nil {
		return nil, err
	}
	return done(s.admin.EnableAudience(ctx, actorOf(ctx), r.GetId()))
}

// DeleteAudience deletes the audience.
func (s *adminService) DeleteAudience(ctx context.Context, r *signetv1.DeleteAudienceRequest) (*emptypb.Empty, error) {
	if err := validateID(r.GetId(), oauth.MaxAudienceID); err != nil {
		return nil, err
	}
	return done(s.admin.DeleteAudience(ctx, actorOf(ctx), r.GetId()))
}

// audienceFields are what an update may change of an audience, by their names in a mask.
var audienceFields = map[string]func(to *client.Audience, from client.Audience){
	"algorithm": func(to *client.Audience, from client.Audience) { to.Algorithm = from.Algorithm },
	"lifetime":  func(to *client.Audience, from client.Audience) { to.Lifetime = from.Lifetime },
	"scope":     func(to *client.Audience, from client.Audience) { to.Scope = from.Scope },
	"claims":    func(to *client.Audience, from client.Audience) { to.Claims = from.Claims },

	"repeat_tokens": func(to *client.Audience, from client.Audience) { to.ReuseTokens = from.ReuseTokens },
}

// readAudience decodes what a request may say of an audience.
func readAudience(m *signetv1.Audience) (x client.Audience, err error) {
	x = client.Audience{
		ID: m.GetId(), Algorithm: m.GetAlgorithm(), Lifetime: m.GetLifetime().AsDuration(), Claims: m.GetClaims(),
		ReuseTokens: m.GetRepeatTokens(),
	}
	x.Scope, err = oauth.ParseScope(m.GetScope())
	return x, err
}

func audienceMessage(x client.Audience) *signetv1.Audience {
	return &signetv1.Audience{
		Id: x.ID, Algorithm: x.Algorithm, PreviousAlgorithm: x.PreviousAlgorithm, Lifetime: duration(x.Lifetime),
		Scope: x.Scope.String(), Claims: x.Claims, DisabledAt: timestamp(x.DisabledAt), CreatedAt: timestamp(x.CreatedAt),
		RepeatTokens: x.ReuseTokens,
	}
}

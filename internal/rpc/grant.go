package rpc

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// grantService lists and ends grants.
type grantService struct {
	signetv1.UnimplementedGrantServiceServer
	issuer *issuer.Issuer
	pages  pages
}

// ListGrants lists the grants of a subject. A page that begins behind a grant which has been swept since misses nothing.
func (s *grantService) ListGrants(ctx context.Context, r *signetv1.ListGrantsRequest) (*signetv1.ListGrantsResponse, error) {
	if err := validateListGrants(r); err != nil {
		return nil, err
	}
	caller := callerOf(ctx)
	list := strings.Join([]string{
		"grants", r.GetSubject(), caller.Client.ID, strconv.FormatBool(caller.Admin), strconv.FormatBool(r.GetIncludeEnded()),
	}, "\x00")
	limit := pageSize(r.GetPageSize())
	ask := issuer.ListGrantsRequest{Subject: r.GetSubject(), IncludeEnded: r.GetIncludeEnded(), Limit: limit + 1}
	after, err := s.pages.cursor(ctx, list, r.GetPageToken())
	if err == nil && after != "" {
		ask.After, err = oauth.ParseGrantID(after)
	}
	if err != nil {
		return nil, err
	}
	found, at, err := s.issuer.ListGrants(ctx, caller, ask)
	if err != nil {
		return nil, err
	}
	page, more := cut(found, limit, func(g grant.Grant) *signetv1.Grant { return grantMessage(g, at) })
	answer := &signetv1.ListGrantsResponse{Grants: page}
	if more {
		answer.NextPageToken, err = s.pages.token(list, page[len(page)-1].GetGrantId())
	}
	return answer, err
}

func grantMessage(g grant.Grant, at time.Time) *signetv1.Grant {
	return &signetv1.Grant{
		GrantId: g.ID.String(), ClientId: g.ClientID, Subject: g.UserID, Scope: g.Scope.String(), Audience: g.Audience,
		DeviceLabel: g.DeviceLabel, Ip: g.IP, CreatedAt: timestamp(g.CreatedAt), LastUsedAt: timestamp(g.RotatedAt),
		ExpiresAt: timestamp(g.EndsAt()), AuthTime: timestamp(g.AuthTime), Amr: g.AMR, State: grantStates[g.State(at)],
	}
}

var grantStates = map[grant.State]signetv1.GrantState{
	grant.StateActive:    signetv1.GrantState_GRANT_STATE_ACTIVE,
	grant.StateSuspended: signetv1.GrantState_GRANT_STATE_SUSPENDED,
	grant.StateRevoked:   signetv1.GrantState_GRANT_STATE_REVOKED,
	grant.StateExpired:   signetv1.GrantState_GRANT_STATE_EXPIRED,
}

// RevokeGrant ends one grant.
func (s *grantService) RevokeGrant(ctx context.Context, r *signetv1.RevokeGrantRequest) (*signetv1.RevokeGrantResponse, error) {
	if err := validateRevokeGrant(r); err != nil {
		return nil, err
	}
	if err := s.issuer.RevokeGrant(ctx, callerOf(ctx), r.GetGrantId()); err != nil {
		return nil, err
	}
	return &signetv1.RevokeGrantResponse{}, nil
}

// RevokeAllGrants ends all grants of a subject, or all but one.
func (s *grantService) RevokeAllGrants(ctx context.Context, r *signetv1.RevokeAllGrantsRequest) (*signetv1.RevokeAllGrantsResponse, error) {
	if err := validateRevokeAllGrants(r); err != nil {
		return nil, err
	}
	n, err := s.issuer.RevokeAllGrants(ctx, callerOf(ctx), r.GetSubject(), r.GetExceptGrantId())
	if err != nil {
		return nil, err
	}
	return &signetv1.RevokeAllGrantsResponse{Revoked: int32(n)}, nil
}

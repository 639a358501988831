package rpc

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/rpc/page"
	"github.com/signetd/signet/keys"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// GrantService lists and revokes grants. Every field is required.
type GrantService struct {
	signetv1.UnimplementedGrantServiceServer
	Grants *grant.Service
	// Registry has the clients of the grants.
	Registry *client.Registry
	// Keys authenticates page tokens.
	Keys *keys.Manager
}

// ListGrants returns one page of the grants of a subject, the newest first. If
// the last grant of the page before has been swept meanwhile, the list
// continues without a gap.
func (s *GrantService) ListGrants(
	ctx context.Context, r *signetv1.ListGrantsRequest,
) (*signetv1.ListGrantsResponse, error) {
	if err := validateListGrants(r); err != nil {
		return nil, err
	}
	caller := Caller(ctx)
	list := strings.Join([]string{
		"grants", r.GetSubject(), caller.Client.ID, strconv.FormatBool(caller.Admin),
		strconv.FormatBool(r.GetIncludeEnded()),
	}, "\x00")
	tokens := page.Tokens{Keys: s.Keys}
	after, err := tokens.Cursor(ctx, list, r.GetPageToken())
	if err != nil {
		return nil, err
	}
	limit := page.Size(r.GetPageSize())
	request := grant.ListRequest{Subject: r.GetSubject(), IncludeEnded: r.GetIncludeEnded(), Limit: limit}
	if after != "" {
		if request.After, err = grant.ParsePosition(after); err != nil {
			return nil, err
		}
	}

	snapshot, err := s.Registry.Snapshot()
	if err != nil {
		return nil, err
	}
	found, at, err := s.Grants.List(ctx, caller, request)
	if err != nil {
		return nil, err
	}

	grants, cut := page.Cut(found.Grants, limit, func(g grant.Grant) *signetv1.Grant {
		return grantMessage(g, wayOf(snapshot, g.ClientID), at)
	})
	response, next := &signetv1.ListGrantsResponse{Grants: grants}, found.Next
	if cut {
		next = found.Grants[len(grants)-1].Position()
	}
	if !next.IsZero() {
		response.NextPageToken, err = tokens.Make(list, next.String())
	}
	return response, err
}

// wayOf returns how the browsers of a client hold a login. It is empty for a
// client that is not in the browser, and for one that was deleted.
func wayOf(s *client.Snapshot, clientID string) client.Way {
	if c, ok := s.Client(clientID); ok {
		return c.Way()
	}
	return ""
}

func grantMessage(g grant.Grant, way client.Way, at time.Time) *signetv1.Grant {
	return &signetv1.Grant{
		GrantId: g.ID.String(), ClientId: g.ClientID, Subject: g.UserID, Scope: g.Scope.String(), Audience: g.Audience,
		DeviceLabel: g.DeviceLabel, Ip: g.IP, CreatedAt: timestamp(g.CreatedAt), LastUsedAt: timestamp(g.RotatedAt),
		ExpiresAt: timestamp(g.EndsAt()), AuthTime: timestamp(g.AuthTime), Amr: g.AMR, State: grantStates[g.State(at)],
		Way: string(way),
	}
}

var grantStates = map[grant.State]signetv1.GrantState{
	grant.StateActive:    signetv1.GrantState_GRANT_STATE_ACTIVE,
	grant.StateSuspended: signetv1.GrantState_GRANT_STATE_SUSPENDED,
	grant.StateRevoked:   signetv1.GrantState_GRANT_STATE_REVOKED,
	grant.StateExpired:   signetv1.GrantState_GRANT_STATE_EXPIRED,
}

// RevokeGrant revokes one grant.
func (s *GrantService) RevokeGrant(
	ctx context.Context, r *signetv1.RevokeGrantRequest,
) (*signetv1.RevokeGrantResponse, error) {
	if err := validateRevokeGrant(r); err != nil {
		return nil, err
	}
	if err := s.Grants.Revoke(ctx, Caller(ctx), r.GetGrantId()); err != nil {
		return nil, err
	}
	return &signetv1.RevokeGrantResponse{}, nil
}

// RevokeAllGrants revokes all grants of a subject, or all but one.
func (s *GrantService) RevokeAllGrants(
	ctx context.Context, r *signetv1.RevokeAllGrantsRequest,
) (*signetv1.RevokeAllGrantsResponse, error) {
	if err := validateRevokeAllGrants(r); err != nil {
		return nil, err
	}
	n, err := s.Grants.RevokeAll(ctx, Caller(ctx), r.GetSubject(), r.GetExceptGrantId())
	if err != nil {
		return nil, err
	}
	return &signetv1.RevokeAllGrantsResponse{Revoked: int32(n)}, nil
}

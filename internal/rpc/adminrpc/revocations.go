package adminrpc

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/rpc/page"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// AddRevocation refuses access tokens that were minted before a moment.
func (s *Service) AddRevocation(
	ctx context.Context, r *signetv1.AddRevocationRequest,
) (*signetv1.AddRevocationResponse, error) {
	if err := validateNewRevocation(r); err != nil {
		return nil, err
	}
	selected := admin.RevokedTokens{
		Subject: r.GetSubject(), Client: r.GetClientId(), Audience: r.GetAudience(), All: r.GetAll(),
	}
	if r.GetBefore() != nil {
		selected.Before = r.GetBefore().AsTime()
	}
	at, err := s.Admin.AddRevocation(ctx, actorOf(ctx), selected)
	if err != nil {
		return nil, err
	}
	return &signetv1.AddRevocationResponse{Before: timestamp(at)}, nil
}

// ListRevocations returns one page of the revocation log.
func (s *Service) ListRevocations(
	ctx context.Context, r *signetv1.ListRevocationsRequest,
) (*signetv1.ListRevocationsResponse, error) {
	if err := validateRevocationList(r); err != nil {
		return nil, err
	}
	filter := admin.LogFilter{
		Subject: r.GetSubject(), Client: r.GetClientId(), Audience: r.GetAudience(), Grant: r.GetGrantId(),
		Token: r.GetTokenId(), Key: r.GetKid(), All: r.GetAll(),
	}
	list := fmt.Sprintf("revocations %#v", filter)
	cursor, err := s.pages().Cursor(ctx, list, r.GetPageToken())
	if err != nil {
		return nil, err
	}
	from, _ := strconv.ParseInt(cursor, 10, 64) // it is from a page token, or empty

	response := &signetv1.ListRevocationsResponse{}
	limit := page.Size(r.GetPageSize())
	for read := 0; len(response.GetRevocations()) == 0 && read < maxRead; read += limit {
		entries, next, err := s.Admin.Log(ctx, filter, from, limit)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			response.Revocations = append(response.Revocations, revocationMessage(e))
		}
		if from = next; next == 0 {
			return response, nil
		}
	}
	response.NextPageToken, err = s.pages().Make(list, strconv.FormatInt(from, 10))
	return response, err
}

// maxRead is how many entries ListRevocations reads at most to find one that
// the filter selects.
const maxRead = 10_000

func revocationMessage(e grant.LoggedRevocation) *signetv1.Revocation {
	return &signetv1.Revocation{
		Seq: e.Seq, Kind: e.Kind.String(), Hash: fmt.Sprintf("%016x", uint64(e.Entry.Hash)),
		Before: timestamp(time.UnixMicro(e.Entry.Before)), ExpiresAt: timestamp(e.ExpiresAt),
	}
}

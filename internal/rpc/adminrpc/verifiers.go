package adminrpc

import (
	"context"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/rpc/page"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// ListVerifiers returns one page of the verifiers.
func (s *Service) ListVerifiers(
	ctx context.Context, r *signetv1.ListVerifiersRequest,
) (*signetv1.ListVerifiersResponse, error) {
	const list = "verifiers"
	if err := validatePage(r.GetPageSize(), r.GetPageToken()); err != nil {
		return nil, err
	}
	after, err := s.pages().Cursor(ctx, list, r.GetPageToken())
	if err != nil {
		return nil, err
	}
	name, server, _ := strings.Cut(after, "\x00")
	limit := page.Size(r.GetPageSize())
	found, err := s.Admin.Verifiers.Verifiers(ctx, name, server, limit+1)
	if err != nil {
		return nil, err
	}

	etag := s.Keys.Set().ETag
	verifiers, more := page.Cut(found, limit, func(v grant.Verifier) *signetv1.Verifier {
		return &signetv1.Verifier{
			Name: v.Name, Server: v.Server, Keys: v.Keys, KeysCurrent: v.HasKeys(etag),
			SeenAt: timestamp(v.SeenAt), Lag: durationpb.New(v.Lag),
		}
	})
	response := &signetv1.ListVerifiersResponse{Verifiers: verifiers}
	if more {
		last := verifiers[len(verifiers)-1]
		response.NextPageToken, err = s.pages().Make(list, last.GetName()+"\x00"+last.GetServer())
	}
	return response, err
}

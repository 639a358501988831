package adminrpc

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/rpc"
	"github.com/signetd/signet/internal/rpc/page"
	"github.com/signetd/signet/keys"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Service implements signet.v1.AdminService. Every field is required.
type Service struct {
	signetv1.UnimplementedAdminServiceServer
	Admin *admin.Admin
	// Keys is the key ring. It also authenticates page tokens.
	Keys   *keys.Manager
	Canary *issuer.CanaryIssuer
}

// pages returns what makes and reads page tokens.
func (s *Service) pages() page.Tokens { return page.Tokens{Keys: s.Keys} }

// actorOf returns the administrator as the audit log names them.
func actorOf(ctx context.Context) audit.Actor { return rpc.Caller(ctx).Actor() }

// empty returns the response of a call that has no result but its error.
func empty(err error) (*emptypb.Empty, error) {
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// keyError returns the error of the API for an error of the key ring. It
// returns an error of the API as it is.
func keyError(err error) error {
	var refusal keys.Refusal
	switch {
	case err == nil, errors.As(err, new(*oauth.Error)):
		return err
	case errors.As(err, &refusal):
		text := refusal.Error()
		return oauth.Wrap(oauth.FailedPrecondition, strings.ToUpper(text[:1])+text[1:]+".", err)
	case errors.Is(err, keys.ErrUnknownKey):
		return oauth.Refused(oauth.NotFound, err)
	}
	return oauth.Unavailable(err)
}

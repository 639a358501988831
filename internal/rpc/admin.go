package rpc

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// adminService decodes, calls the verbs of administration and those of the key ring, and encodes.
type adminService struct {
	signetv1.UnimplementedAdminServiceServer
	admin *admin.Admin
	keys  *keys.Manager
	pages pages
}

// actorOf returns who administers.
func actorOf(ctx context.Context) audit.Actor {
	caller := callerOf(ctx)
	return caller.Actor()
}

// done is the answer of what has nothing more to say.
func done(err error) (*emptypb.Empty, error) {
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// refusedByRing says what a caller may know of an error of the key ring.
func refusedByRing(err error) error {
	var refusal keys.Refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refusal):
		text := refusal.Error()
		return oauth.Because(oauth.FailedPrecondition, strings.ToUpper(text[:1])+text[1:]+".", err)
	case errors.Is(err, keys.ErrUnknownKey):
		return oauth.Refused(oauth.NotFound, err)
	}
	return oauth.Unavailable(err)
}

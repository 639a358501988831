package rpc

import (
	"context"
	"errors"
	"net"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	"github.com/signetd/signet/internal/oauth"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

const (
	// minLongResponse is the length in bytes from which a response is long.
	minLongResponse = 64 << 10
	// maxLongResponses is the maximum number of long responses that clients are
	// reading.
	maxLongResponses = 16
)

var errTooManyLong = errors.New("clients are reading too many long responses")

// boundLong counts a response of a poll if it is long. If there are too many,
// it closes the connection of the one that has been read for the longest time,
// or returns temporarily_unavailable if all are new.
func (i interceptor) boundLong(ctx context.Context, response any) (any, error) {
	r, ok := response.(*signetv1.PollResponse)
	if !ok || proto.Size(r) < minLongResponse {
		return response, nil
	}
	p, _ := peer.FromContext(ctx)
	place := i.long.Begin(ctx, func() {
		if info, ok := p.AuthInfo.(connInfo); ok {
			go info.conn.Close()
		}
	})
	if place == nil {
		e := oauth.Refused(oauth.TemporarilyUnavailable, errTooManyLong)
		e.RetryAfter = busyDelay
		return nil, e
	}
	return longResponse{r, place.End}, nil
}

// connInfo is the AuthInfo of a connection, with the connection itself.
type connInfo struct {
	credentials.AuthInfo
	conn net.Conn
}

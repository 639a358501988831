package rpc

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/signetd/signet/internal/feed"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/internal/rpc/validate"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// answerTime is how long before its deadline a poll is answered.
const answerTime = time.Second

var errPublicPoll = errors.New("a public client may not read the feed of revocations")

// RevocationService is the feed of revocations.
type RevocationService struct {
	signetv1.UnimplementedRevocationServiceServer
	Feed *feed.Feed
}

// Poll returns the revocations after a position of the feed. Without any, it
// waits for one as long as the caller asks and the deadline allows.
func (s *RevocationService) Poll(ctx context.Context, r *signetv1.PollRequest) (*signetv1.PollResponse, error) {
	request, err := pollRequest(r)
	if err != nil {
		return nil, err
	}
	caller := Caller(ctx)
	if caller.Client.Public {
		return nil, oauth.Refused(oauth.UnauthorizedClient, errPublicPoll)
	}
	if caller.Client.ID != "" {
		request.Name = caller.Client.ID
	}
	request.Address = caller.Address
	request.Wait = waitWithin(ctx, request.Wait)
	answer, err := s.Feed.Poll(ctx, request)
	if err != nil {
		return nil, err
	}

	response := &signetv1.PollResponse{Held: durationpb.New(answer.Held), Age: durationpb.New(answer.Age)}
	if answer.Delay > 0 {
		response.Delay = durationpb.New(answer.Delay)
	}
	for _, segment := range answer.Segments {
		response.Segments = append(response.Segments,
			&signetv1.RevocationSegment{Head: segment.Head, Entries: segment.Entries})
	}
	return response, nil
}

// pollRequest returns the request for the feed, or the violations.
func pollRequest(r *signetv1.PollRequest) (feed.Request, error) {
	var v validate.Violations
	request := feed.Request{Name: r.GetName(), Keys: r.GetKeys()}
	if after := r.GetAfter(); after != "" {
		var err error
		if request.After, err = revocation.ParsePosition(after); err != nil {
			v.Add("after", "must be a position of the feed: SEQ-MARK, such as 0-0")
		}
	}
	if wait := r.GetWait(); wait != nil {
		request.Wait = wait.AsDuration()
		if !wait.IsValid() || request.Wait < 0 || request.Wait > feed.MaxWait {
			v.Add("wait", "must be 0 to 10 s")
		}
	}
	if request.Name != "" && !feed.ValidName(request.Name) {
		v.Add("name", "must have 1 to 64 letters, digits, dots, underscores and hyphens")
	}
	if request.Keys != "" && !feed.ValidETag(request.Keys) {
		v.Add("keys", "must be the etag of a JWK Set, with its quotes")
	}
	return request, v.Err()
}

// waitWithin returns how long a poll may wait, so that its response arrives
// before the deadline of the call.
func waitWithin(ctx context.Context, wait time.Duration) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return wait
	}
	left := max(0, time.Until(deadline))
	return min(wait, left-min(answerTime, left/2))
}

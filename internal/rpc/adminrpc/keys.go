package adminrpc

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/signetd/signet/keys"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// ListKeys returns the key ring.
func (s *Service) ListKeys(context.Context, *signetv1.ListKeysRequest) (*signetv1.ListKeysResponse, error) {
	response := &signetv1.ListKeysResponse{}
	for _, row := range s.Keys.Rows() {
		k := &signetv1.Key{Kid: row.Key, Algorithm: row.Algorithm, State: string(row.State), Kek: row.KEK}
		for _, span := range row.Spans {
			k.Spans = append(k.Spans, &signetv1.KeySpan{
				State: string(span.State), From: timestamp(span.From), To: timestamp(span.To),
			})
		}
		response.Keys = append(response.Keys, k)
	}
	return response, nil
}

// RotateKeys schedules the rotation to the next keys, or returns its plan only.
func (s *Service) RotateKeys(ctx context.Context, r *signetv1.RotateKeysRequest) (*signetv1.RotateKeysResponse, error) {
	if err := validateAlgorithms(r.GetAlgorithms()); err != nil {
		return nil, err
	}
	warnings, err := s.Admin.KeyWarnings(ctx, s.Keys.Set().ETag)
	if err != nil {
		return nil, err
	}
	options := keys.RotateOptions{Plan: r.GetPlan(), Now: r.GetNow()}
	plan, err := s.Keys.Operator().Rotate(ctx, actorOf(ctx), r.GetAlgorithms(), options)
	if err != nil {
		return nil, keyError(err)
	}
	response := &signetv1.RotateKeysResponse{Warnings: append(plan.Warnings, warnings...)}
	for _, step := range plan.Steps {
		response.Steps = append(response.Steps, &signetv1.KeyStep{
			At: timestamp(step.At), Algorithm: step.Algorithm, Kid: step.Key,
			State: string(step.State), Reason: step.Reason,
		})
	}
	return response, nil
}

// IssueCanary issues a canary token.
func (s *Service) IssueCanary(
	ctx context.Context, r *signetv1.IssueCanaryRequest,
) (*signetv1.IssueCanaryResponse, error) {
	if err := validateAudienceID(r.GetAudience()); err != nil {
		return nil, err
	}
	c, err := s.Canary.Issue(ctx, actorOf(ctx), r.GetAudience())
	if err != nil {
		return nil, keyError(err)
	}
	return &signetv1.IssueCanaryResponse{
		AccessToken: c.Token, Kid: c.Key, Algorithm: c.Algorithm, ExpiresAt: timestamp(c.ExpiresAt),
	}, nil
}

// CancelKey cancels the scheduled activation of a key.
func (s *Service) CancelKey(ctx context.Context, r *signetv1.CancelKeyRequest) (*emptypb.Empty, error) {
	if err := validateKid(r.GetKid()); err != nil {
		return nil, err
	}
	return empty(keyError(s.Keys.Operator().Cancel(ctx, actorOf(ctx), r.GetKid())))
}

// CompromiseKey withdraws a key: the JWK Set no longer contains it, and the
// tokens that it has signed are rejected.
func (s *Service) CompromiseKey(ctx context.Context, r *signetv1.CompromiseKeyRequest) (*emptypb.Empty, error) {
	if err := validateKid(r.GetKid()); err != nil {
		return nil, err
	}
	return empty(keyError(s.Keys.Operator().Compromise(ctx, actorOf(ctx), r.GetKid())))
}

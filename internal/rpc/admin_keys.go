package rpc

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/signetd/signet/keys"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// ListKeys returns the ring.
func (s *adminService) ListKeys(context.Context, *signetv1.ListKeysRequest) (*signetv1.ListKeysResponse, error) {
	answer := &signetv1.ListKeysResponse{}
	for _, row := range s.keys.Rows() {
		k := &signetv1.Key{Kid: row.Key, Algorithm: row.Algorithm, State: string(row.State), Kek: row.KEK}
		for _, span := range row.Spans {
			k.Spans = append(k.Spans, &signetv1.KeySpan{
				State: string(span.State), From: timestamp(span.From), To: timestamp(span.To),
			})
		}
		answer.Keys = append(answer.Keys, k)
	}
	return answer, nil
}

// RotateKeys hands over to the next keys.
func (s *adminService) RotateKeys(ctx context.Context, r *signetv1.RotateKeysRequest) (*signetv1.RotateKeysResponse, error) {
	if err := validateAlgorithms(r.GetAlgorithms()); err != nil {
		return nil, err
	}
	options := keys.RotateOptions{Plan: r.GetPlan(), Now: r.GetNow()}
	plan, err := s.keys.Operator().Rotate(ctx, keys.Actor(actorOf(ctx)), r.GetAlgorithms(), options)
	if err != nil {
		return nil, refusedByRing(err)
	}
	answer := &signetv1.RotateKeysResponse{Warnings: plan.Warnings}
	for _, step := range plan.Steps {
		answer.Steps = append(answer.Steps, &signetv1.KeyStep{
			At: timestamp(step.At), Algorithm: step.Algorithm, Kid: step.Key, State: string(step.State), Reason: step.Reason,
		})
	}
	return answer, nil
}

// CancelKey takes the date of a key back.
func (s *adminService) CancelKey(ctx context.Context, r *signetv1.CancelKeyRequest) (*emptypb.Empty, error) {
	if err := validateKid(r.GetKid()); err != nil {
		return nil, err
	}
	return done(refusedByRing(s.keys.Operator().Cancel(ctx, keys.Actor(actorOf(ctx)), r.GetKid())))
}

// CompromiseKey takes a key out of service.
func (s *adminService) CompromiseKey(ctx context.Context, r *signetv1.CompromiseKeyRequest) (*emptypb.Empty, error) {
	if err := validateKid(r.GetKid()); err != nil {
		return nil, err
	}
	return done(refusedByRing(s.keys.Operator().Compromise(ctx, keys.Actor(actorOf(ctx)), r.GetKid())))
}

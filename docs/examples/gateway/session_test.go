package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A request that waits for the refresh of another request stops when its time
// is over.
func TestAccessToken_StopsWaitingForARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSession(&signetv1.TokenResponse{AccessToken: "access", ExpiresIn: 600})
		if err := s.lock(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := new(gateway).accessToken(ctx, s); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v after %s, want the end of the context", err, time.Since(began))
		}
		s.unlock()
		if token, err := new(gateway).accessToken(t.Context(), s); err != nil || token != "access" {
			t.Errorf("after the refresh: %q, %v", token, err)
		}
	})
}

package login

import (
	"context"
	"time"
)

// pollInterval is the time between two polls.
const pollInterval = time.Minute

// sampleSize is the number of users in each of the three parts of the sample
// that Poll reads. It bounds the work of a poll if there are many users.
const sampleSize = 2000

// Poll reads the password hashes of a sample of the users. A login with an
// unknown user name costs as much as one of them. If Poll cannot read them, it
// logs the error, and the previous sample stays.
func (s *Service) Poll(ctx context.Context) {
	stored, err := s.o.Store.PasswordHashes(ctx, sampleSize)
	switch {
	case err == nil:
		s.dummies.replace(stored, s.o.Passwords)
	case ctx.Err() == nil:
		s.o.Log.Warn("cannot read the costs of password hashes", "error", err)
	}
}

// Run polls until ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.Poll(ctx)
	}
}

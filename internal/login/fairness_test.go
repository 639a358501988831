package login_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
)

// Rule 58: one client, whose deadlines are long, makes more logins at once than
// the queue has places. Meanwhile another client logs in, also with the account
// that the flood attempts.
func TestRule58_OtherClientsLogInDuringAFlood(t *testing.T) {
	f := &fixture{issuertest.NewGateway(t, realCost, func(o *components.Options) {
		var err error
		o.Passwords, err = password.New(password.Options{Params: realCost.Params, MemoryBudget: 64 << 20})
		must(t, err)
		t.Cleanup(o.Passwords.Close)
	})}
	f.Run(t)
	flooder := f.Register(t, client.Client{ID: "flooder", Audiences: []string{issuertest.API}})
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var all sync.WaitGroup
	for i := range 600 {
		all.Go(func() {
			r := issuertest.LoginRequest{Username: fmt.Sprint("nobody", i), Password: rightWord}
			if i%50 == 0 {
				r = invalid
			}
			_, _ = f.Login(ctx, flooder, r)
		})
	}
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for f.Passwords.Stats().Refused == 0 {
		<-poll.C
	}

	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
		if _, err := f.Login(ctx, f.Caller, valid); err != nil {
			t.Errorf("the login of another client: %v", oauth.AsError(err).Cause)
		}
		cancel()
	}
	stop()
	all.Wait()
}

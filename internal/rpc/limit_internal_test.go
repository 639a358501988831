package rpc

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

func TestIsLimited(t *testing.T) {
	for method, want := range map[string]bool{
		"/signet.v1.GrantService/ListGrants": true, "/signet.v1.GrantService/RevokeAllGrants": true,
		"/signet.v1.AdminService/ListUsers": true, "/signet.v1.AdminService/ListClients": true,
		"/signet.v1.AdminService/DeleteUser":  true,
		"/signet.v1.GrantService/RevokeGrant": false, "/signet.v1.TokenService/Refresh": false,
		"/signet.v1.TokenService/Introspect": false, "/signet.v1.KeyService/GetKeySet": false,
		"/grpc.health.v1.Health/Check": false,
	} {
		if got := isLimited(method); got != want {
			t.Errorf("%s: %v, want %v", method, got, want)
		}
	}
}

// TestCallLimiter: one call more than a client may make waits, and then gets
// slow_down. The calls of other clients do not wait.
func TestCallLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l callLimiter
		var releases []func()
		for range maxLimitedCalls {
			release, err := l.acquire(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			releases = append(releases, release)
		}
		other, err := l.acquire(t.Context(), "b")
		if err != nil {
			t.Fatal(err)
		}
		other()

		start := time.Now()
		_, err = l.acquire(t.Context(), "a")
		e := oauth.AsError(err)
		if e.Code != oauth.SlowDown || e.RetryAfter != limitWait || time.Since(start) != limitWait {
			t.Errorf("one call too many: %v after %v, retry after %v", err, time.Since(start), e.RetryAfter)
		}
		ctx, cancel := context.WithTimeout(t.Context(), limitWait/2)
		defer cancel()
		if _, err := l.acquire(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a deadline before the end of the wait: %v", err)
		}

		waited := make(chan func())
		go func() {
			release, err := l.acquire(t.Context(), "a")
			if err != nil {
				t.Error(err)
			}
			waited <- release
		}()
		synctest.Wait()
		releases[0]()
		(<-waited)()
		for _, release := range releases[1:] {
			release()
		}
		if len(l.clients) != 0 {
			t.Errorf("%d clients without calls", len(l.clients))
		}
	})
}

package verify

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/revocation"
)

func (ws *watches) count() int {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return len(ws.all)
}

// Whatever ends a context, the Verifier forgets it.
func TestWatches_ForgetContextsThatEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ws := &watches{table: new(revocation.Table), maxAge: 5 * time.Second, asOf: time.Now()}
		defer ws.close()
		claims := func(i int) revocation.Claims {
			return revocation.Claims{GrantID: strconv.Itoa(i), TokenID: "t" + strconv.Itoa(i)}
		}
		parent, cancel := context.WithCancel(t.Context())
		_, stop := ws.start(parent, claims(0), time.Now().Add(time.Hour))
		_, _ = ws.start(parent, claims(1), time.Now().Add(time.Hour))
		_, _ = ws.start(t.Context(), claims(2), time.Now().Add(time.Hour))
		_, _ = ws.start(t.Context(), claims(3), time.Now().Add(time.Second))
		_, _ = ws.start(t.Context(), claims(4), time.Now().Add(time.Hour))

		left := 5
		for _, end := range []func(){
			stop,
			cancel,
			func() {
				entries := []revocation.Entry{{Hash: revocation.Grant.Hash("2"), Before: 1}}
				ws.table.Merge(entries)
				ws.merged(entries)
			},
			func() { time.Sleep(time.Second) },
			func() { time.Sleep(5 * time.Second) }, // too old
		} {
			end()
			synctest.Wait()
			if left--; ws.count() != left {
				t.Errorf("%d contexts, want %d", ws.count(), left)
			}
		}
	})
}

// Contexts begin and end while entries arrive and deadlines pass: none that an
// entry concerns goes on, and none is left behind.
func TestWatches_ConcurrentUse(t *testing.T) {
	ws := &watches{table: new(revocation.Table), maxAge: time.Hour, asOf: time.Now()}
	defer ws.close()
	const contexts, revoked = 400, 100
	var users sync.WaitGroup
	for user := range 4 {
		users.Go(func() {
			for i := range contexts {
				claims := revocation.Claims{GrantID: strconv.Itoa(i), TokenID: strconv.Itoa(user)}
				ctx, stop := ws.start(t.Context(), claims, time.Now().Add(time.Hour))
				if i < revoked {
					select {
					case <-ctx.Done():
					case <-time.After(20 * time.Second):
					}
					if cause := context.Cause(ctx); cause != ErrRevoked {
						t.Errorf("ended with %v, want ErrRevoked", cause)
						stop()
						return
					}
				}
				stop()
			}
		})
	}
	for i := range revoked {
		entries := []revocation.Entry{{Hash: revocation.Grant.Hash(strconv.Itoa(i)), Before: 1}}
		ws.table.Merge(entries)
		ws.merged(entries)
		ws.confirmed(time.Now())
		ws.expire()
	}
	users.Wait()
	for ws.count() > 0 { // removed by the goroutines of context.AfterFunc
		runtime.Gosched()
	}
}

// BenchmarkWatches shows what 10,000 contexts cost when an answer of the feed
// has 100 entries that concern none of them.
func BenchmarkWatches(b *testing.B) {
	ws := &watches{table: new(revocation.Table)}
	defer ws.close()
	for i := range 10_000 {
		_, stop := ws.start(b.Context(), revocation.Claims{
			GrantID: "g" + strconv.Itoa(i), TokenID: "t" + strconv.Itoa(i), Subject: "u" + strconv.Itoa(i),
			ClientID: "web", KeyID: "k", Issuer: "https://issuer.example", Audience: []string{"orders"},
		}, time.Now().Add(time.Hour))
		defer stop()
	}
	entries := make([]revocation.Entry, 100)
	for i := range entries {
		entries[i] = revocation.Entry{Hash: revocation.Grant.Hash(strconv.Itoa(i)), Before: 1}
	}
	ws.table.Merge(entries)
	b.ReportAllocs()
	for b.Loop() {
		ws.merged(entries)
	}
}

package verify

import (
	"context"
	"strconv"
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

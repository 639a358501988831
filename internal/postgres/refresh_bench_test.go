package postgres

import (
	"crypto/rand"
	"strconv"
	"testing"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/pgtest"
)

// BenchmarkRefreshes measures one statement for 1, 8, 32 and 128 refreshes.
func BenchmarkRefreshes(b *testing.B) {
	s, err := Open(b.Context(), Options{URL: pgtest.New(b)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	for _, size := range []int{1, 8, 32, 128} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			attempts := make([]grant.RefreshAttempt, size)
			for i := range attempts {
				g := aGrant(0)
				rand.Read(g.ID[:])
				if _, err := s.MintGrant(b.Context(), g); err != nil {
					b.Fatal(err)
				}
				attempts[i] = grant.RefreshAttempt{
					Grant: g.ID, ClientID: g.ClientID,
					KeyHash: oauth.NewDigest([]byte("0123456789abcdef")), MACKey: g.MACKey,
					ReceivedAt: then, Deadline: time.Now().Add(time.Hour),
				}
			}
			for b.Loop() {
				results, err := refreshTogether(s, attempts)
				if err != nil {
					b.Fatal(err)
				}
				for i := range attempts {
					if results[i].Outcome != grant.Rotated {
						b.Fatal(results[i].Outcome)
					}
					attempts[i].Generation++
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size), "µs/refresh")
		})
	}
}

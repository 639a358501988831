package postgres

import (
	"crypto/rand"
	"strconv"
	"testing"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/pgtest"
)

// BenchmarkRefreshes measures one statement for so many refreshes.
func BenchmarkRefreshes(b *testing.B) {
	s, err := Open(b.Context(), Options{URL: pgtest.New(b)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	for _, size := range []int{1, 8, 32, 128} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			batch := make([]grant.RefreshAttempt, size)
			for i := range batch {
				g := aGrant(0)
				rand.Read(g.ID[:])
				if err := s.MintGrant(b.Context(), g); err != nil {
					b.Fatal(err)
				}
				batch[i] = grant.RefreshAttempt{
					Grant: g.ID, ClientID: g.ClientID, KeyHash: []byte("0123456789abcdef"), MACKey: g.MACKey,
					ReceivedAt: then, Deadline: time.Now().Add(time.Hour),
				}
			}
			for b.Loop() {
				verdicts, err := s.RefreshGrants(b.Context(), batch)
				if err != nil {
					b.Fatal(err)
				}
				for i := range batch {
					if verdicts[i].Outcome != grant.Rotated {
						b.Fatal(verdicts[i].Outcome)
					}
					batch[i].Generation++
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size), "µs/refresh")
		})
	}
}

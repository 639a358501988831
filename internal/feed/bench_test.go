package feed_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/feed"
	"github.com/signetd/signet/internal/revocation"
)

// BenchmarkPoll measures an answer to each of 1,000 polls that wait.
func BenchmarkPoll(b *testing.B) {
	db := newStore(b)
	s := openServer(b, db, newKEKs(b))
	must(b, s.Refresh(b.Context()))
	const waiting = 1000
	var polls, answered sync.WaitGroup
	for range waiting {
		polls.Go(func() {
			position := revocation.Position{}
			for range b.N {
				request := feed.Request{After: position, Wait: feed.MaxWait}
				for position == request.After {
					a, err := s.Poll(b.Context(), request)
					if err != nil {
						b.Error(err)
						return
					}
					position = a.Position
				}
				answered.Done()
			}
		})
	}
	b.ResetTimer()
	for i := range b.N {
		answered.Add(waiting)
		b.StopTimer()
		for s.Stats().Waiting < waiting {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(200 * time.Millisecond) // the pause between two signatures
		add(b, db, strconv.Itoa(i))
		b.StartTimer()
		must(b, s.Refresh(b.Context()))
		answered.Wait()
	}
	polls.Wait()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/waiting, "ns/answer")
}

// BenchmarkFull measures the segment with all of 100,000 entries. It is made at
// most once a second, and all answers share it.
func BenchmarkFull(b *testing.B) {
	s := openServer(b, newStore(b), newKEKs(b))
	entries := make([]revocation.Entry, 100_000)
	for i := range entries {
		entries[i] = revocation.Entry{Hash: revocation.Grant.Hash(strconv.Itoa(i)), Before: time.Now().UnixMicro()}
	}
	s.table.Merge(entries)
	must(b, s.Refresh(b.Context()))
	b.Run("shared", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := s.Poll(b.Context(), feed.Request{Full: true})
			must(b, err)
		}
	})
}

package revocation

import (
	"maps"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"testing"
)

// A table has the same entries as a map, whatever is merged and expires.
func TestTable_EqualsAMap(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	var table Table
	model := map[Hash]int64{}
	for range 300 {
		var entries []Entry
		for range random.IntN(100) {
			e := Entry{Hash(1 + random.Uint64N(2000)), 1 + random.Int64N(1000)}
			entries = append(entries, e)
			model[e.Hash] = max(model[e.Hash], e.Before)
		}
		table.Merge(entries)
		if random.IntN(10) == 0 {
			before := random.Int64N(500)
			table.Expire(before)
			maps.DeleteFunc(model, func(_ Hash, b int64) bool { return b < before })
		}

		got := map[Hash]int64{}
		for _, e := range table.Entries() {
			got[e.Hash] = e.Before
		}
		if !maps.Equal(got, model) || table.Len() != len(model) {
			t.Fatalf("table has %d entries, want %d", table.Len(), len(model))
		}
		for h := Hash(1); h <= 2000; h++ {
			want, exists := model[h]
			if before, ok := table.Get(h); before != want || ok != exists {
				t.Fatalf("hash %d: %d, %v; want %d, %v", h, before, ok, want, exists)
			}
		}
	}
}

// Readers see every entry that was merged before they began, also while the
// table grows.
func TestTable_ReadersSeeMergedEntries(t *testing.T) {
	const entries = 20_000
	var (
		table   Table
		merged  = make(chan Hash, 100)
		readers sync.WaitGroup
	)
	for range 3 {
		readers.Go(func() {
			for h := range merged {
				if before, ok := table.Get(h); !ok || before != int64(h) {
					t.Errorf("hash %d: %d, %v", h, before, ok)
				}
			}
		})
	}
	for h := Hash(1); h <= entries; h++ {
		table.Merge([]Entry{{h, int64(h)}})
		if h%1000 == 0 {
			table.Expire(0)
		}
		merged <- h
	}
	close(merged)
	readers.Wait()
}

func TestTable_BytesOfAnEntry(t *testing.T) {
	const entries = 100_000
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	var table Table
	for i := range entries {
		table.Merge([]Entry{{Grant.Hash(strconv.Itoa(i)), 1}})
	}
	if size := float64(heap()-before) / entries; size > 32 {
		t.Errorf("an entry takes %.1f bytes, want at most 32", size)
	}
	runtime.KeepAlive(&table)
}

// Hashes that differ in few bits need no long searches.
func TestTable_SpreadsHashes(t *testing.T) {
	var table Table
	for h := range Hash(10_000) {
		table.Merge([]Entry{{1<<63 | h, 1}})
	}
	s, longest, run := table.slots.Load(), 0, 0
	for i := range s.array {
		if run++; s.array[i].hash.Load() == 0 {
			run = 0
		}
		longest = max(longest, run)
	}
	if longest > 1000 {
		t.Errorf("%d entries in a row, want at most 1000", longest)
	}
}

func BenchmarkTable(b *testing.B) {
	var table Table
	entries := make([]Entry, 100_000)
	for i := range entries {
		entries[i] = Entry{Grant.Hash(strconv.Itoa(i)), 1}
	}
	table.Merge(entries)

	b.Run("Refuses", func(b *testing.B) {
		c := Claims{
			GrantID: "0199f6c1-7a3c-7000-8000-000000000000", TokenID: NewTokenID(testTime), KeyID: "k",
			Subject: "usr_1", ClientID: "web", Audience: []string{"https://api.example"},
			Issuer: "https://issuer.example", MintedAt: 1,
		}
		b.ReportAllocs()
		for b.Loop() {
			if kind := table.Refuses(c); kind != 0 {
				b.Fatal(kind)
			}
		}
	})
	b.Run("Merge100", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			table.Merge(entries[:100])
		}
	})
}

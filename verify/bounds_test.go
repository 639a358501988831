package verify

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/revocation"
)

// A response that is longer than its limit is refused. No more than the limit
// is read.
func TestTransport_BoundsResponses(t *testing.T) {
	const limit = 1000
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := strings.Repeat("x", limit)
		if r.URL.Path == "/long" {
			body += "x"
		}
		_, _ = w.Write([]byte(body))
	}))
	defer server.Close()
	transport := newTransport(nil, "", "")
	defer transport.close()
	if r, err := transport.get(t.Context(), server.URL, nil, limit, time.Minute); err != nil || len(r.body) != limit {
		t.Errorf("at the limit: %d bytes, %v", len(r.body), err)
	}
	if r, err := transport.get(t.Context(), server.URL+"/long", nil, limit, time.Minute); err == nil {
		t.Errorf("longer: %d bytes", len(r.body))
	}
}

// The table has a maximum number of entries. Then the feed is not complete, and
// the policy decides.
func TestFeed_BoundsEntries(t *testing.T) {
	f := newFeed(nil, "", nil, "", Options{Log: slog.New(slog.DiscardHandler)}, time.Now)
	f.limit, f.watches = 10, new(watches)
	now := time.Now()
	head := revocation.Head{At: now.UnixMilli(), Keep: 3600}
	entries := func(from, n int, age time.Duration) (list []revocation.Entry) {
		for i := range n {
			e := revocation.Entry{Hash: revocation.Hash(from + i), Before: now.Add(-age).UnixMicro()}
			list = append(list, e)
		}
		return list
	}
	if err := f.add(head, entries(1, 6, time.Hour+time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := f.add(head, entries(11, 10, 0)); err != nil || f.table.Len() != 10 {
		t.Errorf("expired entries make no way for others: %d entries, %v", f.table.Len(), err)
	}
	if err := f.add(head, entries(11, 10, 0)); err != nil {
		t.Errorf("the same entries again: %v", err)
	}
	if err := f.add(head, entries(21, 1, 0)); err == nil || f.table.Len() != 10 {
		t.Errorf("%d entries, %v", f.table.Len(), err)
	}
}

// An answer of many tiny segments is refused before it is decoded: in memory
// they would take many times the size of the answer.
func TestFeed_BoundsSegments(t *testing.T) {
	answer := func(n int, segment string) []byte {
		return []byte(`{"segments":[` + strings.TrimSuffix(strings.Repeat(segment+",", n), ",") + `],"held_ms":1,"age_ms":1}`)
	}
	a, err := decodeAnswer(answer(10_000, `{"head":"a.b.c","entries":""}`))
	if err != nil || len(a.Segments) != 10_000 || a.Segments[0].Head != "a.b.c" || a.HeldMS != 1 {
		t.Errorf("%d segments, %v", len(a.Segments), err)
	}
	for _, segment := range []string{"{}", "null", `{"head":"a.b.c","entries":""}`} {
		if a, err := decodeAnswer(answer(200_000, segment)); err == nil {
			t.Errorf("%d segments %s are decoded", len(a.Segments), segment)
		}
	}
}

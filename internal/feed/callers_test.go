package feed_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/feed"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/revocation"
)

// reports are the reports of Callers.
type reports struct {
	*feed.Callers
	list [][]grant.Verifier
	err  error
	log  strings.Builder
}

func newReports() *reports {
	r := &reports{}
	r.Callers = &feed.Callers{
		Server: "signet-1", Now: time.Now, Log: slog.New(slog.NewTextHandler(&r.log, nil)),
		Report: func(_ context.Context, seen []grant.Verifier) error {
			slices.SortFunc(seen, func(a, b grant.Verifier) int { return cmp.Compare(a.Name, b.Name) })
			r.list = append(r.list, seen)
			return r.err
		},
	}
	return r
}

// Operators see each named verifier as of its last poll: which keys it has, and
// whether it is behind.
func TestCallers_AreReportedWithTheirLastPoll(t *testing.T) {
	keks := newKEKs(t)
	synctest.Test(t, func(t *testing.T) {
		r := newReports()
		f := newServer(t, newStore(t), keks, func(o *feed.Options) { o.Callers = r.Callers })
		run(t, r.Run)
		start := time.Now()
		poll := func(name, keys string, after revocation.Position) {
			t.Helper()
			_, err := f.Poll(t.Context(), feed.Request{Name: name, Keys: keys, After: after})
			must(t, err)
		}
		begin := revocation.Position{}
		poll("orders", `"a"`, begin)
		poll("", `"a"`, begin)
		poll("billing", "", revocation.Position{Seq: 99, Mark: 1})
		_, err := (*f.store.Load()).AddRevocations(t.Context(), []grant.Revocation{{
			Kind: revocation.Grant, Hash: revocation.Grant.Hash("g"),
		}})
		must(t, err)
		time.Sleep(3 * time.Second)
		poll("orders", `"b"`, begin)
		time.Sleep(13 * time.Second)
		synctest.Wait()

		if len(r.list) != 1 || len(r.list[0]) != 2 {
			t.Fatalf("reported %+v", r.list)
		}
		billing, orders := r.list[0][0], r.list[0][1]
		if billing != (grant.Verifier{Name: "billing", Server: "signet-1", SeenAt: billing.SeenAt}) {
			t.Errorf("reported %+v", billing)
		}
		if orders.Keys != `"b"` || !orders.SeenAt.Equal(start.Add(3*time.Second)) ||
			orders.Lag < 2*time.Second || orders.Lag > 3*time.Second {
			t.Errorf("reported %+v", orders)
		}

		time.Sleep(time.Minute)
		synctest.Wait()
		if len(r.list) != 1 {
			t.Errorf("verifiers that did not poll are reported: %+v", r.list[1:])
		}
	})
}

// Strangers who invent names cannot fill the memory. A store that does not
// answer is logged once.
func TestCallers_AreBounded(t *testing.T) {
	keks := newKEKs(t)
	synctest.Test(t, func(t *testing.T) {
		r := newReports()
		r.err = errors.New("no store")
		f := newServer(t, newStore(t), keks, func(o *feed.Options) { o.Callers = r.Callers })
		run(t, r.Run)
		for range 3 {
			for i := range 1100 {
				_, err := f.Poll(t.Context(), feed.Request{Name: fmt.Sprint("n", i), After: revocation.Position{}})
				must(t, err)
			}
			time.Sleep(16 * time.Second)
			synctest.Wait()
		}
		if len(r.list) != 3 || len(r.list[0]) != 1000 || len(r.list[2]) != 1000 {
			t.Errorf("%d reports, the first of %d names", len(r.list), len(r.list[0]))
		}
		if n := strings.Count(r.log.String(), "no store"); n != 1 {
			t.Errorf("%d log lines:\n%s", n, r.log.String())
		}
	})
}

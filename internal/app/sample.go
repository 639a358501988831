package app

import (
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/postgres"
	"github.com/signetd/signet/internal/telemetry"
	"github.com/signetd/signet/keys"
)

// registerSources tells the metrics where to read their gauges. All components
// and listeners must be open.
func (s *Server) registerSources() {
	src := telemetry.Sources{
		Ring:      func() telemetry.Ring { return sampleRing(s.app.Keys, s.app.Keys.Now()) },
		Hashing:   func() telemetry.Hashing { return sampleHashing(s.app.passwords.Stats()) },
		Feed:      func() telemetry.Feed { return telemetry.Feed(s.components.Feed.Stats()) },
		Listeners: func() []telemetry.Listener { return sampleListeners(s.counted) },
		Sessions:  s.components.Checker.Held,

		DroppedLogLines: s.app.out.Dropped,
	}
	if p, ok := s.app.Store.(*postgres.Store); ok {
		src.Pool = func() telemetry.Pool { return telemetry.Pool(p.Pool()) }
	}
	if s.cert != nil {
		src.CertificateValidFor = func() time.Duration { return s.cert.NotAfter().Sub(s.app.Now()) }
	}
	if s.sweeper != nil {
		src.Sweeper = func() telemetry.Sweeper { return sampleSweeper(s.sweeper.Stats()) }
	}
	s.app.metrics.SetSources(src)
}

// sampleListeners returns the gauges of the listeners.
func sampleListeners(all []countedListener) []telemetry.Listener {
	sampled := make([]telemetry.Listener, len(all))
	for i, l := range all {
		s := l.listener.Stats()
		sampled[i] = telemetry.Listener{
			Name: l.name, MaxConnections: s.Max, Connections: s.Open,
			Refused: map[string]uint64{"listener": s.RefusedByListener, "address": s.RefusedByAddress},
		}
		if l.requests != nil {
			r := l.requests.Stats()
			sampled[i].Requests = telemetry.Requests{
				Max: r.Max, Open: r.Open, Waiting: r.Waiting,
				Ended: map[string]uint64{"displaced": r.Displaced, "refused": r.Refused},
			}
		}
	}
	return sampled
}

// sampleRing returns the gauges of the key ring: how many keys are in each
// state, and how long until the next key of each algorithm enters a state.
func sampleRing(m *keys.Manager, now time.Time) telemetry.Ring {
	r := telemetry.Ring{
		Version: m.Version(), Age: m.Age(), SignaturesWaiting: m.SignaturesWaiting(),
		Keys: map[telemetry.KeyState]int{}, NextTransition: map[telemetry.KeyState]time.Duration{},
	}
	for _, row := range m.Rows() {
		r.Keys[telemetry.KeyState{Algorithm: row.Algorithm, State: string(row.State)}]++
		state, at, ok := row.Next()
		next := telemetry.KeyState{Algorithm: row.Algorithm, State: string(state)}
		if in, seen := r.NextTransition[next]; ok && (!seen || at.Sub(now) < in) {
			r.NextTransition[next] = at.Sub(now)
		}
	}
	return r
}

// sampleHashing returns the gauges of the password hasher.
func sampleHashing(s password.Stats) telemetry.Hashing {
	return telemetry.Hashing{
		Budget: s.Budget, InUse: s.InUse, Waiting: int64(s.Waiting), Hashes: s.Hashes, Refused: s.Refused,
	}
}

// sampleSweeper returns the gauges of the sweeper. The numbers of grants are
// unknown before the first pass.
func sampleSweeper(s grant.SweepStats) telemetry.Sweeper {
	w := telemetry.Sweeper{
		Passes: s.Passes, Failures: s.Failures,
		Removed: map[string]uint64{"grants": s.Grants, "assertions": s.Assertions, "guesses": s.Attempts},
	}
	if s.Passes > 0 {
		w.Grants = map[string]uint64{"live": s.Live, "ended": s.Ended}
	}
	return w
}

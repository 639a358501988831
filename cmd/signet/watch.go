package main

import (
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/postgres"
	"github.com/signetd/signet/internal/telemetry"
	"github.com/signetd/signet/keys"
)

// newMetrics returns the metrics of this program.
func newMetrics() *telemetry.Metrics {
	b := buildVersion()
	return telemetry.NewMetrics(telemetry.Build{Version: b.Version, Revision: b.Revision, Go: b.Go})
}

// counted counts what an audit log is told.
func counted(m *telemetry.Metrics, record func(audit.Event) error) func(audit.Event) error {
	return func(e audit.Event) error {
		err := record(e)
		m.Audited(e.Name, err)
		switch e.Name {
		case audit.LoginSucceeded:
			m.Login("")
		case audit.LoginFailed:
			m.Login(e.Reason)
		case audit.RefreshReused:
			m.Reused()
			m.Revoked(audit.RevokedByReuse)
		case audit.GrantRevoked:
			if e.Count > 0 { // else they had ended before
				m.Revoked(e.Reason)
			}
		case audit.PasswordSet:
			m.Revoked(audit.RevokedByPassword)
		case audit.UserDeleted, audit.ClientDeleted:
			m.Revoked(audit.RevokedByDeletion)
		}
		return err
	}
}

// watch lets the metrics ask the rooms, which are all open by now.
func (h *house) watch() {
	s := telemetry.Sources{
		Ring:    func() telemetry.Ring { return ringOf(h.keys, time.Now()) },
		Hashing: func() telemetry.Hashing { return hashingOf(h.passwords.Stats()) },
	}
	if p, ok := h.store.(*postgres.Store); ok {
		s.Pool = func() telemetry.Pool { return telemetry.Pool(p.Pool()) }
	}
	if h.cert != nil {
		s.CertificateLeft = func() time.Duration { return time.Until(h.cert.NotAfter()) }
	}
	if h.sweeper != nil {
		s.Sweeper = func() telemetry.Sweeper { return sweeperOf(h.sweeper.Stats()) }
	}
	h.metrics.Watch(s)
}

// ringOf tells what the operator watches of a key ring.
func ringOf(m *keys.Manager, now time.Time) telemetry.Ring {
	r := telemetry.Ring{
		Version: m.Version(), Age: m.Age(), Keys: map[telemetry.KeyState]int{}, Next: map[telemetry.KeyState]time.Duration{},
	}
	for _, row := range m.Rows() {
		r.Keys[telemetry.KeyState{Algorithm: row.Algorithm, State: string(row.State)}]++
		state, at, ok := row.Next()
		next := telemetry.KeyState{Algorithm: row.Algorithm, State: string(state)}
		if in, seen := r.Next[next]; ok && (!seen || at.Sub(now) < in) {
			r.Next[next] = at.Sub(now)
		}
	}
	return r
}

func hashingOf(s password.Stats) telemetry.Hashing {
	return telemetry.Hashing{Budget: s.Budget, InUse: s.InUse, Waiting: int64(s.Waiting), Hashes: s.Hashes, Refused: s.Refused}
}

func sweeperOf(s issuer.SweepStats) telemetry.Sweeper {
	w := telemetry.Sweeper{
		Passes: s.Passes, Failures: s.Failures,
		Removed: map[string]uint64{"grants": s.Grants, "assertions": s.Assertions, "guesses": s.Guesses},
	}
	if s.Passes > 0 {
		w.Grants = map[string]uint64{"live": s.Live, "ended": s.Ended}
	}
	return w
}

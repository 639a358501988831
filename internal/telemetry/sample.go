package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sources are what the other rooms tell when they are asked, at each scrape: quickly, and without asking the store. A nil
// one leaves its metrics out.
type Sources struct {
	Ring    func() Ring
	Hashing func() Hashing
	Pool    func() Pool
	Sweeper func() Sweeper
	// CertificateLeft is how long the TLS certificate is still valid.
	CertificateLeft func() time.Duration
}

// A Ring is the key ring as this process has it.
type Ring struct {
	Version int64
	Age     time.Duration
	// Keys are how many there are, and Next how long until the next one of an algorithm enters a state.
	Keys map[KeyState]int
	Next map[KeyState]time.Duration
}

// A KeyState is a state of the keys of one algorithm.
type KeyState struct{ Algorithm, State string }

// Hashing is the state of the budget for password hashes.
type Hashing struct {
	Budget, InUse, Waiting int64
	Hashes, Refused        uint64
}

// A Pool is the connections to the database.
type Pool struct {
	Max, Acquired, Idle int
	// Acquires are how often one was taken, Waits how often one had to be waited for, and Waited how long in all.
	Acquires, Waits int64
	Waited          time.Duration
}

// A Sweeper is what the sweeper has done and seen.
type Sweeper struct {
	Passes, Failures uint64
	// Removed are rows by table.
	Removed map[string]uint64
	// Grants are those that the last whole pass saw, by state; nil before the first.
	Grants map[string]uint64
}

// Watch begins to ask the sources.
func (m *Metrics) Watch(s Sources) { m.sources.Store(&s) }

// A sample is a metric that is asked for.
type sample struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

// sampled are all of them.
type sampled struct {
	ringVersion, ringAge, keys, next                                          sample
	hashBudget, hashInUse, hashWaiting, hashes, hashRefused                   sample
	poolMax, poolAcquired, poolIdle, poolAcquires, poolWaits, poolWaitSeconds sample
	grants, swept, sweeps, sweepFailure                                       sample
	certificateLeft                                                           sample
}

// A sampler asks the sources whenever the registry is read.
type sampler struct{ *Metrics }

// Describe tells the registry nothing, since which samples there are depends on the sources: the registry checks each as it
// comes.
func (sampler) Describe(chan<- *prometheus.Desc) {}

// Collect asks the sources.
func (s sampler) Collect(out chan<- prometheus.Metric) {
	sources := s.sources.Load()
	if sources == nil {
		return
	}
	is := func(x sample, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(x.desc, x.kind, value, labels...)
	}
	if sources.Ring != nil {
		s.sampled.ring(is, sources.Ring())
	}
	if sources.Hashing != nil {
		s.sampled.hashing(is, sources.Hashing())
	}
	if sources.Pool != nil {
		s.sampled.pool(is, sources.Pool())
	}
	if sources.Sweeper != nil {
		s.sampled.sweeper(is, sources.Sweeper())
	}
	if sources.CertificateLeft != nil {
		is(s.sampled.certificateLeft, sources.CertificateLeft().Seconds())
	}
}

type saying func(x sample, value float64, labels ...string)

func (s sampled) ring(is saying, r Ring) {
	is(s.ringVersion, float64(r.Version))
	is(s.ringAge, r.Age.Seconds())
	for k, n := range r.Keys {
		is(s.keys, float64(n), k.Algorithm, k.State)
	}
	for k, in := range r.Next {
		is(s.next, in.Seconds(), k.Algorithm, k.State)
	}
}

func (s sampled) hashing(is saying, h Hashing) {
	is(s.hashBudget, float64(h.Budget))
	is(s.hashInUse, float64(h.InUse))
	is(s.hashWaiting, float64(h.Waiting))
	is(s.hashes, float64(h.Hashes))
	is(s.hashRefused, float64(h.Refused))
}

func (s sampled) pool(is saying, p Pool) {
	is(s.poolMax, float64(p.Max))
	is(s.poolAcquired, float64(p.Acquired))
	is(s.poolIdle, float64(p.Idle))
	is(s.poolAcquires, float64(p.Acquires))
	is(s.poolWaits, float64(p.Waits))
	is(s.poolWaitSeconds, p.Waited.Seconds())
}

func (s sampled) sweeper(is saying, w Sweeper) {
	is(s.sweeps, float64(w.Passes))
	is(s.sweepFailure, float64(w.Failures))
	for table, n := range w.Removed {
		is(s.swept, float64(n), table)
	}
	for state, n := range w.Grants {
		is(s.grants, float64(n), state)
	}
}

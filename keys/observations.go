package keys

import (
	"slices"
	"time"
)

// observations records, by the monotonic clock, since when this process has
// seen a key inactive and an algorithm unused. A restart begins with no
// observations, so keys may only stay longer.
type observations struct {
	inactiveSince, unusedSince map[string]time.Time
}

func newObservations() observations {
	return observations{inactiveSince: make(map[string]time.Time), unusedSince: make(map[string]time.Time)}
}

// observe records the present state of the ring and returns what has been true
// for long enough.
func (o observations) observe(r Ring, p Policy, ringTime time.Time, inUse []string) observation {
	now := time.Now()
	mark := func(since map[string]time.Time, name string, holds bool) {
		if _, ok := since[name]; !holds {
			delete(since, name)
		} else if !ok {
			since[name] = now
		}
	}

	schedules, retention := r.schedules(), make(map[string]time.Duration)
	for _, k := range r.Keys {
		state := schedules[k.Algorithm].state(k, ringTime)
		mark(o.inactiveSince, k.ID, state == Deactivated || state == Compromised)
		// A process does not run for as long as grants live. For a MAC key the
		// time is that of the present tokens.
		retention[k.ID] = p.Retention()
		if k.Algorithm != MAC {
			retention[k.ID] = p.retention(k)
		}
	}
	needed := r.neededAlgorithms(inUse, ringTime)
	for _, algorithm := range signingAlgorithms {
		mark(o.unusedSince, algorithm, !slices.Contains(needed, algorithm))
	}

	lasted := func(since map[string]time.Time, name string, d time.Duration) bool {
		at, ok := since[name]
		return ok && now.Sub(at) >= d
	}
	return observation{
		inUse:    inUse,
		inactive: func(kid string) bool { return lasted(o.inactiveSince, kid, retention[kid]) },
		unused:   func(algorithm string) bool { return lasted(o.unusedSince, algorithm, p.Retention()) },
	}
}

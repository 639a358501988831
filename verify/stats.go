package verify

import "time"

// Stats is the state of a Verifier, for metrics. Counts are since New.
type Stats struct {
	// Entries is the number of revocations.
	Entries int
	// Position is that of the newest revocation, as the issuer's log has
	// it.
	Position string
	// Age is how old the revocations are; see Age. Without any, it is
	// negative.
	Age time.Duration
	// Polls is the number of polls of the feed, and PollErrors that of
	// those that failed.
	Polls, PollErrors uint64
	// Keys is the number of keys, and KeysAge how long ago the issuer
	// confirmed them.
	Keys    int
	KeysAge time.Duration
	// KeyFetches is the number of fetches of the JWK Set, and KeyErrors
	// that of those that failed.
	KeyFetches, KeyErrors uint64
}

// Age returns how old the revocations are: every revocation that was made
// before is known. ok is false without a Policy, and if there are none yet.
func (v *Verifier) Age() (age time.Duration, ok bool) {
	if v.feed == nil {
		return 0, false
	}
	if age, ok = v.feed.age(); !ok {
		return 0, false
	}
	return age, true
}

// Stats returns the state.
func (v *Verifier) Stats() Stats {
	set := v.keys.current.Load()
	s := Stats{
		Age: -1, Keys: len(set.keys), KeysAge: time.Since(set.confirmed),
		KeyFetches: v.keys.fetches.Load(), KeyErrors: v.keys.failures.Load(),
	}
	if v.feed == nil {
		return s
	}
	if age, ok := v.Age(); ok {
		s.Age = age
	}
	s.Entries, s.Position = int(v.feed.entries.Load()), v.feed.latestPosition.Load().String()
	s.Polls, s.PollErrors = v.feed.polls.Load(), v.feed.failed.Load()
	return s
}

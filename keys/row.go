package keys

import (
	"cmp"
	"slices"
	"time"
)

// A Row is a key as `signet keys` shows it.
type Row struct {
	Key       string `json:"kid"`
	Algorithm string `json:"alg"`
	State     State  `json:"state"`
	// KEK is the id of the KEK that sealed the private key. It is empty once
	// the key is destroyed.
	KEK string `json:"kek,omitempty"`
	// Spans are the states that the key has by its dates, in order.
	Spans []Span `json:"spans"`
}

// A Span is the time during which a key has one state. To is zero if no end is
// set.
type Span struct {
	State State     `json:"state"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to,omitzero"`
}

// Next returns the key's next state by its dates, and the time of the change.
// ok is false if no later date is set.
func (r Row) Next() (state State, at time.Time, ok bool) {
	for i, span := range r.Spans {
		if span.State != r.State || span.To.IsZero() {
			continue
		}
		if i+1 < len(r.Spans) {
			return r.Spans[i+1].State, span.To, true
		}
		return Destroyed, span.To, r.State != Destroyed // The end of the retention has no span.
	}
	return "", time.Time{}, false
}

// rows returns the ring as a table: by algorithm, then in the order in which
// the keys sign.
func (r Ring) rows(p Policy, now time.Time) []Row {
	var rows []Row
	schedules := r.schedules()
	for _, k := range r.Keys {
		s := schedules[k.Algorithm]
		rows = append(rows, Row{
			Key: k.ID, Algorithm: k.Algorithm, State: s.state(k, now), KEK: k.KEK, Spans: s.spans(p, k),
		})
	}
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(
			cmp.Compare(slices.Index(allAlgorithms, a.Algorithm), slices.Index(allAlgorithms, b.Algorithm)),
			a.Spans[0].From.Compare(b.Spans[0].From),
		)
	})
	return rows
}

// spans returns the states of a key by its dates. A server may destroy the key
// later than the end of its retention, but not earlier.
func (s schedule) spans(p Policy, k Key) []Span {
	var spans []Span
	enter := func(state State, at time.Time) {
		if len(spans) > 0 {
			previous := &spans[len(spans)-1]
			at = latest(at, previous.From) // The date of a rotation at once may be before the key's creation.
			previous.To = at
		}
		spans = append(spans, Span{State: state, From: at})
	}

	signed := slices.ContainsFunc(s, func(other Key) bool { return other.ID == k.ID })
	if !k.ActivateAt.Equal(Always) {
		enter(PreActive, k.CreatedAt)
	}
	if signed {
		enter(Active, latest(k.ActivateAt, k.CreatedAt))
	}
	stopped := s.stopsAt(k)
	if stopped.IsZero() {
		return spans
	}

	if k.CompromisedAt.IsZero() {
		enter(Deactivated, stopped)
	} else {
		enter(Compromised, stopped)
	}
	if k.DestroyedAt.IsZero() {
		spans[len(spans)-1].To = s.keptUntil(p, k, stopped)
		return spans
	}
	enter(Destroyed, k.DestroyedAt)
	spans[len(spans)-1].To = k.DestroyedAt.Add(recordRetention)
	return spans
}

package keys

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// A Plan is what a rotation brings, as a timeline.
type Plan struct {
	Steps []Step `json:"steps"`
	// Warnings say what may break; empty if nothing can.
	Warnings []string `json:"warnings,omitempty"`
}

// A Step is one key that enters one state.
type Step struct {
	At        time.Time `json:"at"`
	Algorithm string    `json:"alg"`
	// Key is the kid; empty for a key that is still to be made.
	Key   string `json:"kid,omitempty"`
	State State  `json:"state"`
	// Reason says why it happens then and not before.
	Reason string `json:"reason"`
}

// rotate drafts the hand-over from the active key of an algorithm to the next, and tells the timeline. A hand-over that is
// pending already stays as it is, unless it is wanted at once.
func (d *draft) rotate(algorithm string, atOnce bool) (Plan, error) {
	old, ok := d.active(algorithm)
	if !ok {
		return Plan{}, refuse("there is no active %s key to rotate from: servers make the first one when an audience asks for %s", algorithm, algorithm)
	}
	next, reason := Key{Algorithm: algorithm, CreatedAt: d.now}, ""
	waiting := d.ring.preActive(algorithm, d.now)
	if len(waiting) > 0 {
		next = d.ring.Keys[waiting[0]]
	}
	pending := !next.ActivateAt.IsZero() && !atOnce
	switch {
	case pending:
		reason = "it was given this date before"
	case atOnce:
		next.ActivateAt, reason = d.atOnce(algorithm), "asked for at once; servers follow within a poll"
	default:
		next.ActivateAt, reason = d.soonest(next)
	}
	plan := d.timeline(old, next, reason)
	if atOnce {
		plan.Warnings = d.tooSoon(next)
	}
	switch {
	case pending:
	case len(waiting) > 0:
		d.ring.Keys[waiting[0]] = next
		d.note(EventKeyRotated, next.ID, "asked by the operator")
	default:
		d.order(order{algorithm: algorithm, rotates: true, reason: "asked by the operator", activateAt: func(k Key) time.Time {
			if atOnce {
				return next.ActivateAt
			}
			at, _ := d.soonest(k)
			return at
		}})
	}
	return plan, nil
}

func (d *draft) timeline(old, next Key, reason string) Plan {
	published, kept := "in the JWK Set since then", "its last tokens expire, and cached JWK Sets with them"
	if next.Algorithm == MAC {
		published, kept = "known to the servers since then", "the last grants that it protects end"
	}
	if next.ID == "" {
		published = "there is no spare, so a key is made"
	}
	retention := d.policy.retention(next.Algorithm)
	return Plan{Steps: []Step{
		{next.CreatedAt, next.Algorithm, next.ID, PreActive, published},
		{next.ActivateAt, next.Algorithm, next.ID, Active, reason},
		{next.ActivateAt, next.Algorithm, old.ID, Deactivated, "its successor signs; what it signed stays valid"},
		{next.ActivateAt.Add(retention), next.Algorithm, old.ID, Destroyed, fmt.Sprintf("%s (%s)", kept, retention)},
	}}
}

// tooSoon says what may break when a key signs from now on.
func (d *draft) tooSoon(k Key) []string {
	if k.Algorithm == MAC {
		return nil // A server that does not know it reloads the ring before it answers.
	}
	published := d.now.Sub(k.CreatedAt).Truncate(time.Second)
	name := "the new " + k.Algorithm + " key"
	if k.ID != "" {
		name = "the key " + k.ID
	}
	switch {
	case published < d.policy.Window():
		return []string{fmt.Sprintf("%s has been in the JWK Set for %s, less than %s: until %s verifiers that hold a cached JWK Set from before may refuse what it signs",
			name, published, d.policy.Window(), k.CreatedAt.Add(d.policy.Window()).Format(time.RFC3339))}
	case published < d.policy.PublishAhead:
		return []string{fmt.Sprintf("%s has been in the JWK Set for %s, less than keys.publish_ahead (%s): verifiers that cache for longer than keys.max_age may refuse what it signs",
			name, published, d.policy.PublishAhead)}
	}
	return nil
}

// A Row is a key as `signet keys` shows it.
type Row struct {
	Key       string `json:"kid"`
	Algorithm string `json:"alg"`
	State     State  `json:"state"`
	// KEK is the id of the KEK that seals the private half; empty once destroyed.
	KEK string `json:"kek,omitempty"`
	// Spans are the states that the key goes through by its dates, in order.
	Spans []Span `json:"spans"`
}

// A Span is one state of a key and the time it lasts. To is zero while no end is in sight.
type Span struct {
	State State     `json:"state"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to,omitzero"`
}

// Next returns the state that the key enters next by its dates, and when; ok is false if it has no date ahead.
func (r Row) Next() (state State, at time.Time, ok bool) {
	for i, span := range r.Spans {
		if span.State != r.State || span.To.IsZero() {
			continue
		}
		if i+1 < len(r.Spans) {
			return r.Spans[i+1].State, span.To, true
		}
		return Destroyed, span.To, r.State != Destroyed // no span tells of the end of the retention
	}
	return "", time.Time{}, false
}

// rows returns the ring as a table, by algorithm and then in the order in which the keys sign.
func (r Ring) rows(p Policy, now time.Time) []Row {
	var rows []Row
	successions := r.successions()
	for _, k := range r.Keys {
		s := successions[k.Algorithm]
		rows = append(rows, Row{Key: k.ID, Algorithm: k.Algorithm, State: s.state(k, now), KEK: k.KEK, Spans: s.spans(p, k)})
	}
	order := []string{RS256, ES256, EdDSA, MAC}
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.Algorithm), slices.Index(order, b.Algorithm)),
			a.Spans[0].From.Compare(b.Spans[0].From),
		)
	})
	return rows
}

// spans tells the life of a key from its dates. The end of the retention is the earliest that a server destroys it.
func (s succession) spans(p Policy, k Key) []Span {
	var spans []Span
	enter := func(state State, at time.Time) {
		if len(spans) > 0 {
			before := &spans[len(spans)-1]
			at = latest(at, before.From) // A date that skips waits lies before the key was made.
			before.To = at
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
	stopped := s.stopped(k)
	if stopped.IsZero() {
		return spans
	}
	if k.CompromisedAt.IsZero() {
		enter(Deactivated, stopped)
	} else {
		enter(Compromised, stopped)
	}
	if k.DestroyedAt.IsZero() {
		spans[len(spans)-1].To = stopped.Add(p.retention(k.Algorithm))
		return spans
	}
	enter(Destroyed, k.DestroyedAt)
	spans[len(spans)-1].To = k.DestroyedAt.Add(forgetAfter)
	return spans
}

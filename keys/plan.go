package keys

import (
	"fmt"
	"time"
)

// A Plan is the timeline of a rotation.
type Plan struct {
	Steps []Step `json:"steps"`
	// Warnings say which verifiers may reject tokens, and until when.
	Warnings []string `json:"warnings,omitempty"`
}

// A Step is the change of one key to one state.
type Step struct {
	At        time.Time `json:"at"`
	Algorithm string    `json:"alg"`
	// Key is the kid. It is empty for a key that is not generated yet.
	Key   string `json:"kid,omitempty"`
	State State  `json:"state"`
	// Reason is why the step happens at this time and not earlier.
	Reason string `json:"reason"`
}

// rotationSteps returns the steps of a rotation from old to next. reason is why
// next does not activate earlier, and until is when old is destroyed.
func rotationSteps(old, next Key, reason string, until time.Time) []Step {
	published, expired := "in the JWK Set since then", "its last tokens and all cached JWK Sets have expired"
	if next.Algorithm == MAC {
		published, expired = "known to all servers since then", "the last grants that it protects have expired"
	}
	if next.ID == "" {
		published = "there is no spare, so a key is generated"
	}

	return []Step{
		{next.CreatedAt, next.Algorithm, next.ID, PreActive, published},
		{next.ActivateAt, next.Algorithm, next.ID, Active, reason},
		{next.ActivateAt, next.Algorithm, old.ID, Deactivated, "its successor signs; its tokens stay valid"},
		{until, next.Algorithm, old.ID, Destroyed, fmt.Sprintf("%s (%s)", expired, until.Sub(next.ActivateAt))},
	}
}

// publicationWarnings returns a warning if verifiers may reject the tokens of a
// key that signs from now on.
func (p Policy) publicationWarnings(k Key, now time.Time) []string {
	if k.Algorithm == MAC {
		return nil // A server that does not have the key reads the ring first.
	}

	published := now.Sub(k.CreatedAt).Truncate(time.Second)
	name := "the new " + k.Algorithm + " key"
	if k.ID != "" {
		name = "the key " + k.ID
	}

	switch {
	case published < p.Window():
		until := k.CreatedAt.Add(p.Window()).Format(time.RFC3339)
		return []string{fmt.Sprintf("%s has been in the JWK Set for %s, less than %s: "+
			"until %s verifiers that hold a cached JWK Set from before may reject its tokens",
			name, published, p.Window(), until)}
	case published < p.PublishAhead:
		return []string{fmt.Sprintf("%s has been in the JWK Set for %s, less than keys.publish_ahead (%s): "+
			"verifiers that cache for longer than keys.max_age may reject its tokens",
			name, published, p.PublishAhead)}
	}
	return nil
}

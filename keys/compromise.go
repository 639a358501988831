package keys

import (
	"time"

	"github.com/signetd/signet/internal/audit"
)

// compromise marks a key as compromised. If it is active, the next pre-active
// key becomes active in the same change. If there is no pre-active key, the
// update requests a new key that becomes active.
func (u *update) compromise(id, reason string) error {
	i := u.ring.index(id)
	if i < 0 {
		return unknownKey(id)
	}
	k := &u.ring.Keys[i]
	state := u.ring.schedule(k.Algorithm).state(*k, u.now)
	switch state {
	case Compromised:
		// An operator who got no response to the first request may repeat it.
		// It changes nothing, but the audit log has a record of it.
		u.events = append(u.events, event{audit.KeyCompromised, id, "it was compromised before"})
		return nil
	case Destroyed:
		return refuse("the key %s was destroyed at %s: its tokens have expired, and it cannot sign",
			id, k.DestroyedAt.Format(time.RFC3339))
	}

	successors := u.ring.preActive(k.Algorithm, u.now)
	k.CompromisedAt = u.now
	if k.Algorithm != MAC {
		u.compromised = append(u.compromised, id)
	}
	u.record(audit.KeyCompromised, id, reason)
	if state != Active {
		return nil
	}

	const takesOver = "takes over from a compromised key"
	at := u.immediateDate(k.Algorithm)
	if len(successors) == 0 {
		u.request(keyRequest{algorithm: k.Algorithm, activateAt: activateAt(at), rotates: true, reason: takesOver})
		return nil
	}
	next := &u.ring.Keys[successors[0]]
	next.ActivateAt = at
	u.record(audit.KeyRotated, next.ID, takesOver)
	return nil
}

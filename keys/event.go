package keys

import "time"

// The names of audit events.
const (
	EventKeyCreated      = "key.created"
	EventKeyImported     = "key.imported"
	EventKeyRotated      = "key.rotated"
	EventKeyCancelled    = "key.cancelled"
	EventKeyRetired      = "key.retired"
	EventKeyCompromised  = "key.compromised"
	EventKeyDestroyed    = "key.destroyed"
	EventKeyResealed     = "key.resealed"
	EventKEKAdded        = "kek.added"
	EventRestoreAccepted = "ring.restore_accepted"
)

// operatorRequest is the reason of changes that an operator requested.
const operatorRequest = "asked by the operator"

// An Event is the audit record of one change of the ring.
type Event struct {
	// Name is dotted and in the past tense, such as key.rotated.
	Name string
	Time time.Time
	// By is who requested the change. It is zero for automatic maintenance.
	By Actor
	// Key is the kid. It is empty for events of the ring as a whole.
	Key    string
	Reason string
}

// An Actor is who requests a change: an operator at a shell, or the caller of
// the admin API.
type Actor struct {
	Name      string
	RequestID string
}

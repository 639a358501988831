package audit

import (
	"net/netip"
	"strings"
	"time"
)

// An Actor is the person or program that caused an event.
type Actor struct {
	// Name is the id of the client or user who called, operator:NAME for an
	// operator at a shell, or Server for the server itself.
	Name string
	// RequestID joins the event to the log line of the request.
	RequestID string
}

// Server is the actor of what the server does without a request.
const Server = "server"

// An Event records one security-relevant act: the actor, the target and the
// outcome. It never has a token, a password or a secret.
type Event struct {
	// Name is one of the event names, such as RefreshReused.
	Name string
	// Time is when the act was done.
	Time time.Time
	// Actor caused it.
	Actor Actor
	// Subject is the id of the user that the event is about.
	Subject string
	// Grant is the id of the grant that the event is about.
	Grant string
	// Token is the jti of the access token that was revoked.
	Token string
	// Key is the kid of the key that the event is about.
	Key string
	// Client is the id of the client that an operator changed, or whose tokens
	// were revoked.
	Client string
	// Audience is the id of the audience that an operator changed, or whose
	// tokens were revoked.
	Audience string
	// Failed is true if the server refused what the actor asked for.
	Failed bool
	// Count is how many live grants the act revoked or suspended, counted to at
	// most 1,000.
	Count int
	// Moment is when an act on many grants took place, by the store's clock.
	// The act concerns the grants that were created until then. In TokenRevoked
	// and RevocationAdded it is the moment of the entry in the revocation log.
	// RevocationAdded concerns the tokens that were minted before it.
	Moment time.Time
	// Age is how long before the act the grant was rotated, in whole
	// milliseconds.
	Age time.Duration
	// KeptGrant is the id of the grant that the revocation did not include.
	KeptGrant string
	// Reason is one of the reasons, or empty if the name is enough.
	Reason string
	// IP is the address of the end user, if it is known.
	IP string
}

// Target returns what the event is about, as kind:id. If the event names
// several things, it returns the most specific one.
func (e Event) Target() string {
	for _, t := range []struct{ kind, id string }{
		{"token", e.Token},
		{"key", e.Key},
		{"grant", e.Grant},
		{"audience", e.Audience},
		{"client", e.Client},
		{"user", e.Subject},
	} {
		if t.id != "" {
			return t.kind + ":" + t.id
		}
	}

	switch {
	case strings.HasPrefix(e.Name, "login."):
		return "user:unknown"
	case strings.HasPrefix(e.Name, "kek."), strings.HasPrefix(e.Name, "key."), strings.HasPrefix(e.Name, "ring."):
		return "ring"
	case e.Name == RevocationAdded:
		return "issuer"
	}
	return ""
}

// Outcome returns OutcomeSuccess or OutcomeFailure.
func (e Event) Outcome() string {
	if e.Failed {
		return OutcomeFailure
	}
	return OutcomeSuccess
}

// IP returns an address as an event has it. It returns the empty string for the
// zero address.
func IP(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	return address.String()
}

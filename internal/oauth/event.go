package oauth

import (
	"strings"
	"time"
)

// An Event is something that an auditor wants to read later: who did what to what, and how it ended. It never holds a
// token, a password or a secret.
type Event struct {
	// Name is dotted and in the past tense, such as refresh.reused.
	Name string
	Time time.Time
	// RequestID joins the event to the request's log line.
	RequestID string
	// Actor is the client or operator who acted.
	Actor string
	// Subject is the user concerned, Grant the grant, Key the kid, Client and Audience what an operator changed; empty where
	// there is none.
	Subject  string
	Grant    string
	Key      string
	Client   string
	Audience string
	// Failed says that what was asked for was refused.
	Failed bool
	// Count is how many grants were ended, and Kept the one that was left out of all.
	Count int
	Kept  string
	// Reason says why, where the name does not.
	Reason string
	// IP is the end user's address, as far as it is known.
	IP string
}

// Target names the one thing that was acted on, as kind:id: the narrowest that the event knows.
func (e Event) Target() string {
	for _, t := range []struct{ kind, id string }{
		{"key", e.Key}, {"grant", e.Grant}, {"audience", e.Audience}, {"client", e.Client}, {"user", e.Subject},
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
	}
	return ""
}

// Outcome is success or failure.
func (e Event) Outcome() string {
	if e.Failed {
		return "failure"
	}
	return "success"
}

// The names of events; those of the key ring are in keys.
const (
	EventLoginSucceeded  = "login.succeeded"
	EventLoginFailed     = "login.failed"
	EventTokenMinted     = "token.minted"
	EventRefreshReused   = "refresh.reused"
	EventRefreshAhead    = "refresh.ahead"
	EventRefreshMissing  = "refresh.missing"
	EventGrantRevoked    = "grant.revoked"
	EventUserCreated     = "user.created"
	EventUserDisabled    = "user.disabled"
	EventUserEnabled     = "user.enabled"
	EventUserUnlocked    = "user.unlocked"
	EventUserDeleted     = "user.deleted"
	EventPasswordSet     = "user.password_set"
	EventClaimsSet       = "user.claims_set"
	EventClientCreated   = "client.created"
	EventClientUpdated   = "client.updated"
	EventClientDeleted   = "client.deleted"
	EventAudienceCreated = "audience.created"
	EventAudienceUpdated = "audience.updated"
	EventAudienceDeleted = "audience.deleted"
)

package grant

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
)

// A Revocation is an entry to write into the revocation log.
type Revocation struct {
	Kind revocation.Kind
	Hash revocation.Hash
	// Before is the moment of the entry: tokens that were minted before it
	// are refused. If it is zero, the moment is the time of the write, by
	// the store's clock, plus Lag.
	Before time.Time
	// Lag is how long another server may go on minting tokens that the
	// entry concerns, because it has not read the change yet.
	Lag time.Duration
}

// RevokedGrant returns the entry about a grant.
func RevokedGrant(id oauth.GrantID) Revocation {
	return Revocation{Kind: revocation.Grant, Hash: revocation.Grant.Hash(id.String())}
}

// RevokedSubject returns the entry about the tokens of a subject that were
// issued to a client, or to any client if clientID is empty.
func RevokedSubject(subject, clientID string) Revocation {
	if clientID == "" {
		return Revocation{Kind: revocation.Subject, Hash: revocation.Subject.Hash(subject)}
	}
	return Revocation{Kind: revocation.SubjectAtClient, Hash: revocation.HashSubjectAtClient(subject, clientID)}
}

// ExemptGrant returns the entry that exempts a grant from the entry about its
// subject in the same transaction, and from those before it.
func ExemptGrant(id oauth.GrantID) Revocation {
	return Revocation{Kind: revocation.Exempt, Hash: revocation.Exempt.Hash(id.String())}
}

// MintLag is the Lag of an entry about a user, a client or an audience that is
// disabled or deleted. A server whose snapshot is older than five seconds mints
// no tokens; see client.Registry. One second is for the difference of clocks.
const MintLag = 6 * time.Second

// MaxCommitTime is how long the commit of an act on all grants of a subject may
// take. A refresh that runs meanwhile does not see the act.
const MaxCommitTime = time.Second

// RefreshMoment returns the moment of the access token of a refresh that was
// passed to the store at that time. It is earlier by MaxCommitTime: an act on
// all grants of the subject may have an earlier moment than the refresh and
// still be committed later. But it is not before the creation of the grant,
// because no earlier act concerns the grant.
func (g Grant) RefreshMoment(passed time.Time) time.Time {
	if moment := passed.Add(-MaxCommitTime); moment.After(g.CreatedAt) {
		return moment
	}
	return g.CreatedAt
}

// RevocationKeep is how long an entry is kept after its moment, if the lifetime
// of an access token is at most maxLifetime. A token may be signed a minute
// after the call that issues it began. The rest is for the difference of
// clocks.
func RevocationKeep(maxLifetime time.Duration) time.Duration { return maxLifetime + 90*time.Second }

// RevokedClient returns the entry about a client that is disabled or deleted.
func RevokedClient(id string) Revocation {
	return Revocation{Kind: revocation.Client, Hash: revocation.Client.Hash(id), Lag: MintLag}
}

// RevokedAudience returns the entry about an audience that is disabled or
// deleted.
func RevokedAudience(id string) Revocation {
	return Revocation{Kind: revocation.Audience, Hash: revocation.Audience.Hash(id), Lag: MintLag}
}

// RevokedByChanges returns the entries about the audiences and clients that the
// changes disable or delete.
func RevokedByChanges(c client.Changes) []Revocation {
	var entries []Revocation
	for _, a := range c.Audiences {
		if a.Old != nil && (a.New == nil || a.Old.DisabledAt.IsZero() && !a.New.DisabledAt.IsZero()) {
			entries = append(entries, RevokedAudience(a.Old.ID))
		}
	}
	for _, x := range c.Clients {
		if x.Old != nil && (x.New == nil || x.Old.DisabledAt.IsZero() && !x.New.DisabledAt.IsZero()) {
			entries = append(entries, RevokedClient(x.Old.ID))
		}
	}
	return entries
}

// RevokedKey returns the entry about a signing key that is compromised.
func RevokedKey(id string) Revocation {
	return Revocation{Kind: revocation.Key, Hash: revocation.Key.Hash(id)}
}

// A LoggedRevocation is an entry of the revocation log.
type LoggedRevocation struct {
	revocation.Position
	Kind  revocation.Kind
	Entry revocation.Entry
	// ExpiresAt is when no token can be valid any more that the entry
	// refuses.
	ExpiresAt time.Time
}

// A LogPage is a part of the revocation log.
type LogPage struct {
	Entries []LoggedRevocation
	// ReadAt is the store's clock, read before the entries. All entries
	// that were committed by then are in the log.
	ReadAt time.Time
}

// LogStore stores the revocation log. The entries have the numbers 1, 2, 3, and
// so on, without a gap, in the order in which they become visible: a reader
// that sees an entry also sees all entries before it, unless they have been
// swept.
type LogStore interface {
	// Revocations returns the entries from that number on, in order, and at
	// most limit of them. It also returns expired ones.
	Revocations(ctx context.Context, from int64, limit int) (LogPage, error)
	// AddRevocations writes entries in one transaction. It returns the time
	// of the write. It is durable on return, also on a replicated cluster.
	AddRevocations(ctx context.Context, entries []Revocation) (time.Time, error)
	// SweepRevocations deletes at most limit expired entries, the oldest
	// first, and returns how many it deleted. It never deletes the newest
	// entry, and none after one that has not expired, so the numbers in the
	// log have no gap. Every server calls it at least once in five minutes:
	// that also records how long tokens are valid, so that entries that are
	// written after the lifetime was reduced are kept long enough for older
	// tokens.
	SweepRevocations(ctx context.Context, limit int) (int, error)
}

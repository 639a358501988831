package admin

import (
	"context"
	"strings"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
)

// Revocations revokes access tokens by the moment at which they were minted.
type Revocations struct {
	// issuer is the issuer identifier.
	issuer string
	// keep is how long after a revocation a token may still be valid.
	keep  time.Duration
	store RevocationStore
	// clients finds the clients and audiences.
	clients *Clients
	// users finds the users.
	users  UserStore
	events recorder
	// logged has the entries of the log, for a replay. It is nil before the
	// first event of a replay that needs it.
	logged *revocation.Table
}

// RevokedTokens selects access tokens. Exactly one of Subject, Client, Audience
// and All is set, or both Subject and Client.
type RevokedTokens struct {
	// Subject selects the tokens with this sub claim, and Client those with
	// this client_id claim. If both are set, tokens have both claims.
	Subject, Client string
	// Audience selects the tokens that have this value in the aud claim.
	Audience string
	// All selects all tokens.
	All bool
	// Before selects the tokens that were minted before it. It is not in
	// the future. The zero time means the time of the write, by the store's
	// clock.
	Before time.Time
}

// AddRevocation revokes the selected access tokens: the issuer and all
// verifiers refuse them. Grants stay, and their next access tokens are valid.
// AddRevocation returns the moment before which the tokens were minted.
//
// It returns invalid_request for a selection that is not valid, and not_found
// for a client, an audience or a user who does not exist. The tokens of a
// deleted one are refused since the deletion.
func (a *Revocations) AddRevocation(ctx context.Context, by audit.Actor, r RevokedTokens) (time.Time, error) {
	r.Before = r.Before.UTC().Truncate(time.Microsecond)
	if err := a.check(ctx, r); err != nil {
		return time.Time{}, err
	}
	entry := a.entry(r)
	entry.Before = r.Before
	at, err := a.store.AddRevocations(ctx, []grant.Revocation{entry})
	if !r.Before.IsZero() {
		at = r.Before
	}
	e := audit.Event{
		Name: audit.RevocationAdded, Subject: r.Subject, Client: r.Client, Audience: r.Audience, Moment: at,
	}
	return at, a.events.recordIfDone(ctx, by, e, err)
}

// check rejects a selection that is not valid.
func (a *Revocations) check(ctx context.Context, r RevokedTokens) error {
	selections := 0
	for _, selected := range []bool{r.Subject != "" || r.Client != "", r.Audience != "", r.All} {
		if selected {
			selections++
		}
	}
	switch {
	case selections != 1:
		return oauth.Fail(oauth.InvalidRequest,
			"A revocation is about a subject, a client, a subject at a client, an audience, or all tokens.")
	case r.Before.IsZero():
	case r.Before.UnixMicro() <= 0 || r.Before.After(a.events.now()):
		return oauth.Fail(oauth.InvalidRequest, "The moment is in the future or before 1970.")
	}
	if r.Subject != "" {
		if err := a.checkSubject(ctx, r.Subject); err != nil {
			return err
		}
	}
	d, err := a.clients.Directory(ctx)
	if err != nil {
		return err
	}
	if _, ok := d.Client(r.Client); r.Client != "" && !ok {
		return oauth.Fail(oauth.NotFound, "No client has this id.")
	}
	if _, ok := d.Audience(r.Audience); r.Audience != "" && !ok {
		return oauth.Fail(oauth.NotFound, "No audience has this id.")
	}
	return nil
}

// checkSubject rejects a text that is no subject, and an id of Signet's form
// whose user does not exist. Every other text may be the subject of a client
// that mints.
func (a *Revocations) checkSubject(ctx context.Context, subject string) error {
	if !oauth.ValidSubject(subject) {
		return oauth.ErrSubject
	}
	if !strings.HasPrefix(subject, oauth.UserIDPrefix) {
		return nil
	}
	_, err := a.users.UserByID(ctx, subject)
	return oauth.FromStore(err)
}

// entry returns the entry for a selection, without its moment.
func (a *Revocations) entry(r RevokedTokens) grant.Revocation {
	switch {
	case r.Subject != "" && r.Client != "":
		return grant.Revocation{
			Kind: revocation.SubjectAtClient, Hash: revocation.HashSubjectAtClient(r.Subject, r.Client),
		}
	case r.Subject != "":
		return grant.Revocation{Kind: revocation.Subject, Hash: revocation.Subject.Hash(r.Subject)}
	case r.Client != "":
		return grant.Revocation{Kind: revocation.Client, Hash: revocation.Client.Hash(r.Client)}
	case r.Audience != "":
		return grant.Revocation{Kind: revocation.Audience, Hash: revocation.Audience.Hash(r.Audience)}
	}
	return grant.Revocation{Kind: revocation.All, Hash: revocation.All.Hash(a.issuer)}
}

// logPage is how many entries of the log are read at once.
const logPage = 5000

// replay writes the entry of an event again, unless the log has it. It reports
// whether it wrote the entry. The moment stays that of the event: all tokens
// that were minted before it are refused, and no other one.
func (a *Revocations) replay(ctx context.Context, by audit.Actor, e audit.Event) (written bool, err error) {
	entry := grant.Revocation{Kind: revocation.Token, Hash: revocation.Token.Hash(e.Token)}
	if e.Name == audit.RevocationAdded {
		entry = a.entry(RevokedTokens{Subject: e.Subject, Client: e.Client, Audience: e.Audience})
	}
	if entry.Before = e.Moment; e.Moment.UnixMicro() <= 0 {
		return false, oauth.Fail(oauth.InvalidRequest, "The event has no moment.")
	}
	if err := a.loadOnce(ctx); err != nil {
		return false, err
	}
	logged := revocation.Entry{Hash: entry.Hash, Before: e.Moment.UnixMicro()}
	if before, ok := a.logged.Get(entry.Hash); ok && (entry.Kind == revocation.Token || before >= logged.Before) {
		return false, nil
	}

	if _, err := a.store.AddRevocations(ctx, []grant.Revocation{entry}); err != nil {
		return false, oauth.FromStore(err)
	}
	a.logged.Merge([]revocation.Entry{logged})
	return true, a.events.record(ctx, by, audit.Event{
		Name: e.Name, Subject: e.Subject, Client: e.Client, Audience: e.Audience, Token: e.Token, Reason: e.Reason,
		Moment: e.Moment,
	})
}

// replayLost writes an entry about a grant, a user, a client or an audience
// that the store does not have: the tokens were issued after the backup, and
// revoked then. It writes nothing if such tokens have expired, or if the log
// has an entry of that time or later. It returns how many entries it wrote. The
// moment is now, since the tokens of a lost grant may be of any time.
func (a *Revocations) replayLost(ctx context.Context, entry grant.Revocation, then time.Time) (int, error) {
	now := a.events.now()
	if !now.Before(then.Add(a.keep)) {
		return 0, nil
	}
	if then.After(now) { // the clock was ahead
		then = now
	}
	if err := a.loadOnce(ctx); err != nil {
		return 0, err
	}
	if before, ok := a.logged.Get(entry.Hash); ok && (entry.Kind == revocation.Grant || before >= then.UnixMicro()) {
		return 0, nil
	}
	moment, err := a.store.AddRevocations(ctx, []grant.Revocation{entry})
	if err != nil {
		return 0, oauth.FromStore(err)
	}
	a.logged.Merge([]revocation.Entry{{Hash: entry.Hash, Before: moment.UnixMicro()}})
	return 1, nil
}

// loadOnce reads the log, unless the replay has read it.
func (a *Revocations) loadOnce(ctx context.Context) (err error) {
	if a.logged == nil {
		a.logged, err = a.load(ctx)
	}
	return oauth.FromStore(err)
}

// load reads the log.
func (a *Revocations) load(ctx context.Context) (*revocation.Table, error) {
	table, from := new(revocation.Table), int64(0)
	for {
		page, err := a.store.Revocations(ctx, from, logPage)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			table.Merge([]revocation.Entry{e.Entry})
			from = e.Seq + 1
		}
		if len(page.Entries) < logPage {
			return table, nil
		}
	}
}

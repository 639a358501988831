package storetest

import (
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
)

var logTokenCases = []singleCase{
	{"LogOutEverywhereAndLogInAgain", logOutAndIn},
	{"DisableEnableAndRefresh", disableEnableRefresh},
	{"TokensOfADisabledClient", tokensOfDisabledClient},
}

// A logToken is an access token as the log concerns it.
type logToken struct {
	grant grant.Grant
	// moment is the moment of the token.
	moment time.Time
}

// logIn creates a grant of a user and returns the token of the login.
func logIn(t *testing.T, s Store, userID string, id oauth.GrantID) logToken {
	t.Helper()
	u, err := s.UserByID(t.Context(), userID)
	must(t, err)
	moment := time.Now()
	g := aGrant(0, userID)
	g.ID = id
	created, err := s.CreateGrant(t.Context(), g, u.Epoch, 0)
	must(t, err)
	g.CreatedAt = created.At
	return logToken{g, moment}
}

// refreshed returns the token of a refresh of the grant at that time.
func (l logToken) refreshed(at time.Time) logToken {
	return logToken{l.grant, l.grant.RefreshMoment(at)}
}

// tableOf returns the table of a verifier that has read the whole log.
func tableOf(t *testing.T, s Store) *revocation.Table {
	t.Helper()
	var table revocation.Table
	for _, e := range readLog(t, s) {
		table.Merge([]revocation.Entry{e.Entry})
	}
	return &table
}

// refuses reports whether a verifier refuses the token.
func (l logToken) refusedBy(table *revocation.Table) bool {
	return table.Refuses(revocation.Claims{
		GrantID: l.grant.ID.String(), Subject: l.grant.UserID, ClientID: l.grant.ClientID,
		MintedAt: l.moment.UnixMicro(),
	}) != 0
}

// logOutAndIn: of the tokens of one second, verifiers refuse those of the
// grants that an act has ended, and accept those of the excepted grant and of a
// login after the act.
func logOutAndIn(t *testing.T, s Store) {
	withUser(t, s, "ann")
	ended, excepted := logIn(t, s, "usr_ann", oauth.GrantID{1}), logIn(t, s, "usr_ann", oauth.GrantID{2})
	late := ended.refreshed(time.Now())
	except := excepted.grant.ID
	act, err := revokeAll(t.Context(), s, "usr_ann", "", except, audit.RevokedByAdmin)
	must(t, err)
	again := logIn(t, s, "usr_ann", oauth.GrantID{3})

	table := tableOf(t, s)
	for name, c := range map[string]struct {
		token   logToken
		refused bool
	}{
		"of an ended grant":                               {ended, true},
		"of an ended grant, refreshed":                    {late, true},
		"of an ended grant, refreshed at the moment":      {ended.refreshed(act.At), true},
		"of an ended grant, refreshed during the commit":  {ended.refreshed(act.At.Add(grant.MaxCommitTime / 2)), true},
		"of the excepted grant":                           {excepted, false},
		"of the excepted grant, refreshed":                {excepted.refreshed(act.At), false},
		"of a login after the act":                        {again, false},
		"of a login after the act, refreshed immediately": {again.refreshed(again.grant.CreatedAt), false},
	} {
		if c.token.refusedBy(table) != c.refused {
			t.Errorf("a token %s is refused: %v, want %v", name, !c.refused, c.refused)
		}
	}
}

// disableEnableRefresh: the tokens of before stay refused. A token of a refresh
// seven seconds after the user was disabled is accepted, and so is that of a
// login.
func disableEnableRefresh(t *testing.T, s Store) {
	withUser(t, s, "ann")
	old := logIn(t, s, "usr_ann", oauth.GrantID{1})
	disabled, err := s.DisableUser(t.Context(), "ann", operator)
	must(t, err)
	must(t, s.EnableUser(t.Context(), "ann"))
	for range 2 { // The second round is after the act of a worker.
		table := tableOf(t, s)
		for _, c := range []struct {
			token   logToken
			refused bool
		}{
			{old, true},
			{logToken{old.grant, disabled.At.Add(5 * time.Second)}, true}, // by a server that has not noticed
			{old.refreshed(disabled.At.Add(7 * time.Second)), false},
			{logToken{aGrant(2, "usr_ann"), disabled.At.Add(7 * time.Second)}, false},
		} {
			if c.token.refusedBy(table) != c.refused {
				t.Errorf("a token %v after the act is refused: %v", c.token.moment.Sub(disabled.At), !c.refused)
			}
		}
		apply(t, s, 100, 0)
	}
	equal(t, refresh(t, s, currentToken(old.grant)).Outcome, grant.Rotated)
}

// tokensOfDisabledClient: verifiers also refuse the tokens that a server issues
// whose directory is five seconds old.
func tokensOfDisabledClient(t *testing.T, s Store) {
	must(t, s.CreateClient(t.Context(), aClient("app")))
	withUser(t, s, "ann")
	old := logIn(t, s, "usr_ann", oauth.GrantID{1})
	must(t, s.UpdateClient(t.Context(), "app", func(c *client.Client) error {
		c.DisabledAt = start
		return nil
	}))
	at := time.Now()
	late := logToken{old.grant, at.Add(5 * time.Second)}
	other := late
	other.grant.ClientID = "other"
	table := tableOf(t, s)
	equal(t, []bool{old.refusedBy(table), late.refusedBy(table), other.refusedBy(table)}, []bool{true, true, false})
	later := old.refreshed(at.Add(8 * time.Second))
	equal(t, later.refusedBy(table), false)
}

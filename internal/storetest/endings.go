package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

var endingCases = []singleCase{
	{"Rule28_PendingEndingHasEffectAtOnce", pendingEnding},
	{"EndingsAreAppliedInBatches", endingsInBatches},
	{"EndingStaysUntilNoRequestIsInProgress", endingStays},
	{"EndingLeavesExpiredGrants", endingLeavesExpired},
	{"RepeatedActsAreOneEnding", repeatedActs},
	{"Rule28_DisableEnableDisable", disableEnableDisable},
	{"Rule31_EndingOfTheGrantsOfThen", endingOfThen},
	{"RevocationAtOneClientConcernsThatClient", endingAtOneClient},
	{"DeletedClientAndANewOneOfItsID", deletedClientAgain},
	{"CountOfLiveGrants", countOfLive},
	{"OldestGrantsAreRevoked", oldestAreRevoked},
	{"OldestGrantsOfConcurrentLogins", oldestOfConcurrentLogins},
	{"ListExaminesABoundedNumberOfGrants", listIsBounded},
	{"Rule24_LateRetryIsReportedOnce", lateRetry},
	{"PromptRetryIsNotReported", promptRetry},
	{"Rule31_IdleLifetimeAfterARestore", idleAfterRestore},
	{"Rule31_EndingBeforeARestoreIsAccepted", endingBeforeRestore},
}

// Rule 28: after RevokeGrants returns, no grant is refreshed, listed as live or
// revoked again, before and after the worker has written it.
func pendingEnding(t *testing.T, s Store) {
	excepted := aGrant(9, "usr_ann")
	withGrant(t, s, excepted)
	var grants []grant.Grant
	for id := range byte(3) {
		grants = append(grants, aGrant(id, "usr_ann"))
		withGrant(t, s, grants[id])
	}
	then := at(t)(revokeAll(t.Context(), s, "usr_ann", "", excepted.ID, audit.RevokedByAdmin))
	withGrant(t, s, aGrant(10, "usr_ann")) // a later login

	check := func() {
		t.Helper()
		for _, g := range grants {
			want := g
			want.RevokedAt, want.RevokeReason = then, audit.RevokedByAdmin
			equal(t, stored(t, s, g.ID), want)
			current := currentToken(g)
			for _, a := range []grant.RefreshAttempt{current, ahead(current), superseded(current)} {
				equal(t, refresh(t, s, a), grant.RefreshResult{Outcome: grant.Revoked, Grant: want})
			}
			got, changed, err := s.RevokeGrant(t.Context(), g.ID, "", audit.RevokedByClient, start)
			must(t, err)
			equal(t, changed, false)
			equal(t, got, want)
		}
		live, err := s.Grants(t.Context(), grant.Filter{Subject: "usr_ann", NotEndedAt: start, Limit: 9})
		must(t, err)
		equal(t, live.Grants, []grant.Grant{aGrant(10, "usr_ann"), excepted})
	}
	check()
	revoked, done := apply(t, s, 100, time.Hour)
	equal(t, []int{revoked, done}, []int{3, 0})
	check()
}

func ahead(a grant.RefreshAttempt) grant.RefreshAttempt {
	a.Generation++
	return a
}

func superseded(a grant.RefreshAttempt) grant.RefreshAttempt {
	a.Generation -= 2
	return a
}

// endingsInBatches: each call examines a limited number of grants. Several
// endings of subjects and clients are worked on together.
func endingsInBatches(t *testing.T, s Store) {
	must(t, s.CreateClient(t.Context(), client.Client{ID: "other", CreatedAt: start}))
	const users, each = 3, 40
	for user := range users {
		for id := range each {
			g := aGrant(byte(id), fmt.Sprint("usr_", user))
			g.ID[1] = byte(user + 1)
			if id%2 == 1 {
				g.ClientID = "other"
			}
			withGrant(t, s, g)
		}
	}
	must(t, ended(s.SetPassword(t.Context(), "0", "new", operator)))
	must(t, ended(revokeAll(t.Context(), s, "usr_1", "app", oauth.GrantID{}, audit.RevokedByClient)))
	must(t, s.DeleteClient(t.Context(), "other", operator))

	revoked := 0
	for calls := 0; ; calls++ {
		a, err := s.ApplyEndings(t.Context(), 30, time.Hour)
		must(t, err)
		if a.Examined > 30 || a.Revoked > a.Examined {
			t.Errorf("call %d examined %d grants and revoked %d, want at most 30", calls, a.Examined, a.Revoked)
		}
		if revoked += a.Revoked; a.Continued == 0 {
			break
		}
	}
	if want := users*each - each/2; revoked != want {
		t.Errorf("%d grants were revoked, want %d", revoked, want)
	}
	for user := range users {
		for id := range each {
			g := stored(t, s, oauth.GrantID{byte(id), byte(user + 1)})
			if live := g.RevokedAt.IsZero(); live != (user == 2 && id%2 == 0) {
				t.Errorf("grant %d of user %d is live: %v", id, user, live)
			}
		}
	}
}

// endingStays: an ending is deleted only by a scan that began after the delay
// and found nothing. A request that began before the ending may still create a
// grant that the ending concerns, as MintGrant does here.
func endingStays(t *testing.T, s Store) {
	must(t, s.CreateClient(t.Context(), client.Client{ID: "app", CreatedAt: start}))
	must(t, mintGrant(t.Context(), s, aGrant(1, "customer 7")))
	must(t, s.DeleteClient(t.Context(), "app", operator))
	revoked, done := apply(t, s, 100, time.Hour)
	equal(t, []int{revoked, done}, []int{1, 0})
	rejected(t, mintGrant(t.Context(), s, aGrant(2, "customer 7")), oauth.InvalidGrant)
	rejected(t, createGrant(t.Context(), s, aGrant(2, withUser(t, s, "ann").ID), 0), oauth.InvalidGrant)
}

// endingLeavesExpired: the worker does not write into grants whose absolute
// lifetime ended more than a day ago. It writes into grants that look idle.
func endingLeavesExpired(t *testing.T, s Store) {
	idle, old, recent, live := aGrant(1, "usr_ann"), aGrant(2, "usr_ann"), aGrant(3, "usr_ann"), aGrant(4, "usr_ann")
	idle.RotatedAt = start.Add(-48 * time.Hour)
	old.ExpiresAt = start.Add(-48 * time.Hour)
	recent.ExpiresAt = start.Add(-12 * time.Hour)
	for _, g := range []grant.Grant{idle, old, recent, live} {
		withGrant(t, s, g)
	}
	n, err := revokeAll(t.Context(), s, "usr_ann", "", oauth.GrantID{}, audit.RevokedByAdmin)
	must(t, err)
	equal(t, n.Live, 1)
	revoked, done := apply(t, s, 100, 0)
	equal(t, []int{revoked, done}, []int{3, 1})
	equal(t, stored(t, s, idle.ID).RevokeReason, audit.RevokedByAdmin)
	equal(t, stored(t, s, old.ID), old)
}

// Rule 28: the suspension of a user's grants follows each change at once,
// whether the worker runs or not.
func disableEnableDisable(t *testing.T, s Store) {
	g := aGrant(1, "usr_ann")
	withGrant(t, s, g)
	for round := range 3 {
		must(t, ended(s.DisableUser(t.Context(), "ann", operator)))
		if outcome := refresh(t, s, currentToken(g)).Outcome; outcome != grant.Suspended {
			t.Errorf("round %d: %s for a disabled user", round, outcome)
		}
		if round == 1 {
			apply(t, s, 100, 0)
		}
		must(t, s.EnableUser(t.Context(), "ann"))
		equal(t, stored(t, s, g.ID), g)
	}
	must(t, ended(s.DisableUser(t.Context(), "ann", operator)))
	must(t, ended(revokeAll(t.Context(), s, "usr_ann", "", oauth.GrantID{}, audit.RevokedByAdmin)))
	must(t, s.EnableUser(t.Context(), "ann"))
	equal(t, refresh(t, s, currentToken(g)).Outcome, grant.Revoked)

	must(t, ended(s.DisableUser(t.Context(), "ann", operator)))
	must(t, ended(s.DeleteUser(t.Context(), "ann", operator)))
	equal(t, refresh(t, s, currentToken(g)).Outcome, grant.Revoked)
	equal(t, stored(t, s, g.ID).SuspendedAt, time.Time{})
}

// Rule 31: the replay of an act ends the grants that were created until then,
// and no others. It does not refuse a login in progress.
func endingOfThen(t *testing.T, s Store) {
	older := aGrant(1, "usr_ann")
	withGrant(t, s, older)
	older = stored(t, s, older.ID)
	newer := aGrant(2, "usr_ann")
	withGrant(t, s, newer)
	e := grant.Ending{
		Subject: "usr_ann", Reason: audit.RevokedByAdmin, Actor: operator, CreatedUntil: older.CreatedAt,
	}
	for _, want := range []int{1, 0} {
		n, err := s.RevokeGrants(t.Context(), e)
		must(t, err)
		equal(t, n.Live, want)
	}
	equal(t, stored(t, s, older.ID).RevokeReason, audit.RevokedByAdmin)
	equal(t, stored(t, s, newer.ID), newer)
	must(t, createGrant(t.Context(), s, aGrant(3, "usr_ann"), aUser("ann").Epoch))
	apply(t, s, 100, 0)
	equal(t, stored(t, s, newer.ID), newer)
}

// endingAtOneClient: what a client revokes does not concern logins at other
// clients, not even those in progress.
func endingAtOneClient(t *testing.T, s Store) {
	u := withUser(t, s, "ann")
	must(t, ended(revokeAll(t.Context(), s, u.ID, "app", oauth.GrantID{}, audit.RevokedByClient)))
	other := aGrant(1, u.ID)
	other.ClientID = "other"
	must(t, createGrant(t.Context(), s, other, u.Epoch))
	equal(t, refresh(t, s, currentToken(other)).Outcome, grant.Rotated)
	later := aGrant(2, u.ID)
	must(t, createGrant(t.Context(), s, later, u.Epoch))
	equal(t, refresh(t, s, currentToken(later)).Outcome, grant.Rotated)
}

// deletedClientAgain: the grants of a deleted client stay revoked when a client
// of that id is created again. The grants of the new client are live.
func deletedClientAgain(t *testing.T, s Store) {
	app := client.Client{ID: "app", CreatedAt: start}
	must(t, s.CreateClient(t.Context(), app))
	old := aGrant(1, "usr_ann")
	withGrant(t, s, old)
	must(t, s.DeleteClient(t.Context(), "app", operator))
	must(t, s.CreateClient(t.Context(), app))
	young := aGrant(2, "usr_ann")
	withGrant(t, s, young)
	for range 2 {
		equal(t, refresh(t, s, currentToken(old)).Outcome, grant.Revoked)
		equal(t, stored(t, s, young.ID), young)
		apply(t, s, 100, 0)
	}
}

// Rule 24: of the retries after the leeway, the first since the rotation is
// marked.
func lateRetry(t *testing.T, s Store) {
	g := aGrant(1, "usr_ann")
	withGrant(t, s, g)
	for _, generations := range []uint32{0, 0, 3} {
		first := currentToken(g)
		first.Generation += generations // The last one is ahead of the row.
		rotated := refresh(t, s, first)
		equal(t, rotated.LateRetry, false)
		for i, late := range []bool{false, true, false} {
			a := first
			a.ReceivedAt = rotated.Grant.RotatedAt.Add(time.Duration(10+i) * time.Second)
			want := grant.RefreshResult{Outcome: grant.Retried, Grant: rotated.Grant, LateRetry: late}
			equal(t, refresh(t, s, a), want)
		}
		g = rotated.Grant
	}
}

// promptRetry: a second tab of a browser sends the same key as the first one,
// and has no leeway. Its retry is late only after PromptRetry.
func promptRetry(t *testing.T, s Store) {
	g := aGrant(1, "usr_ann")
	withGrant(t, s, g)
	a := currentToken(g)
	a.Leeway = 0
	rotated := refresh(t, s, a)
	for _, after := range []time.Duration{time.Second, grant.PromptRetry, grant.PromptRetry + time.Microsecond} {
		a.ReceivedAt = rotated.Grant.RotatedAt.Add(after)
		want := grant.RefreshResult{Outcome: grant.Retried, Grant: rotated.Grant, LateRetry: after > grant.PromptRetry}
		equal(t, refresh(t, s, a), want)
	}
}

// repeatedActs: acts that differ only in their moment are one ending, which
// concerns the grants of the last one. An excepted grant that does not exist
// makes no difference.
func repeatedActs(t *testing.T, s Store) {
	withUser(t, s, "ann")
	for id := range byte(3) {
		withGrant(t, s, aGrant(id+1, "usr_ann"))
		for n := range byte(2) {
			must(t, ended(revokeAll(t.Context(), s, "usr_ann", "app", oauth.GrantID{9, id, n}, audit.RevokedByClient)))
		}
		equal(t, stored(t, s, oauth.GrantID{id + 1}).RevokeReason, audit.RevokedByClient)
	}
	a, err := s.ApplyEndings(t.Context(), 100, time.Hour)
	must(t, err)
	equal(t, []int{a.Continued, a.Revoked}, []int{1, 3})
}

package revocation

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var testTime = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// token is a token of moment 1000.
func token() Claims {
	return Claims{
		GrantID: "sid", TokenID: "jti", KeyID: "kid", Subject: "alice", ClientID: "web",
		Audience: []string{"orders", "billing"}, Issuer: "iss", MintedAt: 1000,
	}
}

func TestRefuses_EachKind(t *testing.T) {
	type want struct {
		earlier, same, later Kind // by an entry of moment 999, 1000, 1001
	}
	before := func(k Kind) want { return want{later: k} }
	for _, tt := range []struct {
		name string
		hash Hash
		want want
	}{
		{"grant", Grant.Hash("sid"), want{Grant, Grant, Grant}},
		{"token", Token.Hash("jti"), want{Token, Token, Token}},
		{"key", Key.Hash("kid"), want{Key, Key, Key}},
		{"subject", Subject.Hash("alice"), before(Subject)},
		{"subject at the client", HashSubjectAtClient("alice", "web"), before(SubjectAtClient)},
		{"client", Client.Hash("web"), before(Client)},
		{"first audience", Audience.Hash("orders"), before(Audience)},
		{"second audience", Audience.Hash("billing"), before(Audience)},
		{"all", All.Hash("iss"), before(All)},
		{"exempt", Exempt.Hash("sid"), want{}},
		{"another grant", Grant.Hash("other"), want{}},
		{"another subject", Subject.Hash("bob"), want{}},
		{"another client of the subject", HashSubjectAtClient("alice", "cli"), want{}},
		{"another text of the same letters", HashSubjectAtClient("alicew", "eb"), want{}},
	} {
		for moment, kind := range map[int64]Kind{999: tt.want.earlier, 1000: tt.want.same, 1001: tt.want.later} {
			var table Table
			table.Merge([]Entry{{tt.hash, moment}})
			if got := table.Refuses(token()); got != kind {
				t.Errorf("%s at %d: refused by %d, want %d", tt.name, moment, got, kind)
			}
			if got := slices.Contains(token().Hashes(), tt.hash); kind != 0 && !got {
				t.Errorf("%s: the hash is not among those of the token", tt.name)
			}
		}
	}
}

// A token without a grant is not concerned by entries about the empty string.
func TestRefuses_TokenWithoutAGrant(t *testing.T) {
	var table Table
	table.Merge([]Entry{{Grant.Hash(""), 2000}, {Exempt.Hash(""), 2000}, {Subject.Hash("alice"), 1001}})
	c := token()
	c.GrantID = ""
	if got := table.Refuses(c); got != Subject {
		t.Errorf("refused by %d, want the subject", got)
	}
}

func TestRefuses_Exempt(t *testing.T) {
	for _, tt := range []struct {
		name                                      string
		exempt, subject, atClient, client, minted int64
		want                                      Kind
	}{
		{name: "same act", exempt: 2000, subject: 2000, minted: 1000},
		{name: "later act", exempt: 2000, subject: 2001, minted: 1000, want: Subject},
		{name: "earlier act", exempt: 2000, subject: 1500, minted: 1000},
		{name: "act at the client", exempt: 2000, atClient: 2000, minted: 1000},
		{name: "at the client later", exempt: 2000, subject: 2000, atClient: 3000, minted: 1000, want: SubjectAtClient},
		{name: "token after the acts", exempt: 1, subject: 2000, atClient: 2000, minted: 2000},
		{name: "client", exempt: 2000, client: 2000, minted: 1000, want: Client},
	} {
		var table Table
		for hash, before := range map[Hash]int64{
			Exempt.Hash("sid"): tt.exempt, Subject.Hash("alice"): tt.subject,
			HashSubjectAtClient("alice", "web"): tt.atClient, Client.Hash("web"): tt.client,
		} {
			if before > 0 {
				table.Merge([]Entry{{hash, before}})
			}
		}
		c := token()
		c.MintedAt = tt.minted
		if got := table.Refuses(c); got != tt.want {
			t.Errorf("%s: refused by %d, want %d", tt.name, got, tt.want)
		}
	}
}

// Of several moments the latest decides, whatever the order in which they
// arrive: an older one about everything does not hide a newer one about a
// client, nor the reverse.
func TestRefuses_LatestMomentDecidesInAnyOrder(t *testing.T) {
	hashes := []Hash{All.Hash("iss"), Client.Hash("web"), Subject.Hash("alice"), Audience.Hash("orders")}
	for range 1000 {
		var latest int64
		entries := make([]Entry, 12)
		for i := range entries {
			entries[i] = Entry{hashes[rand.IntN(len(hashes))], 500 + rand.Int64N(1000)}
			latest = max(latest, entries[i].Before)
		}
		var table Table
		for _, e := range entries {
			table.Merge([]Entry{e})
		}
		if got, want := table.Refuses(token()) != 0, latest > 1000; got != want {
			t.Fatalf("%v: refused %v, want %v", entries, got, want)
		}
	}
}

package storetest

import (
	"testing"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

var hostileCases = []singleCase{{"Rule70_HostileTextIsOnlyText", hostileText}}

// hostile are texts that would have an effect as a part of a statement, of a
// pattern or of an encoded record.
var hostile = []string{
	`'`, `"`, `''`, `\'`, `' OR 1=1 --`, `'; DROP TABLE grants; --`, `"; DROP TABLE "grants"; --`, `$1`, `?`, `:id`, `@id`, `%`, `_`, `\`,
	`$$ DELETE FROM users $$`, `/* */`, `-- `, "a\nb\r\n", "\t", `{"a":1}`, `{a,b}`, `{NULL}`, `NULL`, `null`, `[]`, `\x41`, `E'\x00'`, `(1,2)`,
	"\u202e\u200b", "\ufeff", "e\u0301", "\U0001F600", "\u0001\u001f\u007f",
}

// Rule 70: each text can be the value of every text field. It is read back
// unchanged, it finds only its own records, and it ends only its own grants.
func hostileText(t *testing.T, s Store) {
	ctx := t.Context()
	unrelated := aGrant(255, "usr_unrelated")
	withGrant(t, s, unrelated)
	for i, text := range hostile {
		u := aUser(text)
		u.PasswordHash, u.Claims = text, map[string]any{text: text, "list": []any{text}}
		must(t, s.CreateUser(ctx, u))
		g := aGrant(byte(i+1), u.ID)
		g.ClientID, g.MACKey, g.RevokeReason, g.DeviceLabel, g.IP = text, text, text, text, text
		g.Audience, g.AMR, g.KeyHash = []string{text, text + text}, []string{text}, digest(text)
		must(t, createGrant(ctx, s, g, u.Epoch))
		c := client.Client{ID: text, Audiences: []string{text}, CreatedAt: start}
		must(t, s.CreateClient(ctx, c))
		must(t, s.CreateAudience(ctx, client.Audience{ID: text, CreatedAt: start}))

		byName, err := s.User(ctx, text)
		must(t, err)
		equal(t, byName, u)
		byID, err := s.UserByID(ctx, u.ID)
		must(t, err)
		equal(t, byID, u)
		equal(t, stored(t, s, g.ID), g)
		own, err := s.Grants(ctx, grant.Filter{Subject: u.ID, ClientID: text, Limit: 10})
		must(t, err)
		equal(t, own, grant.Page{Grants: []grant.Grant{g}})
		must(t, s.UseAssertion(ctx, text, []byte(text), start))
		rejected(t, s.UseAssertion(ctx, text, []byte(text), start), oauth.AlreadyExists)
		rejected(t, s.CreateUser(ctx, u), oauth.AlreadyExists)
	}
	d, err := s.Directory(ctx)
	must(t, err)
	if len(d.Clients) != len(hostile) || len(d.Audiences) != len(hostile) {
		t.Errorf("%d clients and %d audiences, want %d of each", len(d.Clients), len(d.Audiences), len(hostile))
	}
	for i, text := range hostile {
		a := grant.RefreshAttempt{
			Grant: oauth.GrantID{byte(i + 1)}, ClientID: text, Generation: 5, KeyHash: digest(text), MACKey: text + "'",
			Audience:   []string{text, text + text},
			ReceivedAt: start, Deadline: currentToken(unrelated).Deadline,
		}
		if r := refresh(t, s, a); r.Outcome != grant.Rotated || r.Grant.MACKey != a.MACKey {
			t.Errorf("%q: the outcome of the refresh is %s", text, r.Outcome)
		}
		n, err := revokeAll(ctx, s, "usr_"+text, text, oauth.GrantID{}, text)
		must(t, err)
		equal(t, n.Live, 1)
		must(t, ended(s.DeleteUser(ctx, text, operator)))
		must(t, s.DeleteClient(ctx, text, operator))
		must(t, s.DeleteAudience(ctx, text))
	}
	equal(t, stored(t, s, unrelated.ID), unrelated)
	remaining, err := s.Users(ctx, "", 10)
	must(t, err)
	equal(t, remaining, []login.User{aUser("unrelated")})
}

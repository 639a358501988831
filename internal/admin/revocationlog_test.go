package admin_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
)

// Each filter selects the entries about what it names, and no other one.
func TestLog_Filters(t *testing.T) {
	f := newFixture(t)
	var entries []grant.Revocation
	add := func(k revocation.Kind, h revocation.Hash) {
		entries = append(entries, grant.Revocation{Kind: k, Hash: h})
	}
	for _, k := range []revocation.Kind{
		revocation.Grant, revocation.Token, revocation.Key, revocation.Subject, revocation.Client, revocation.Audience,
		revocation.Exempt,
	} {
		add(k, k.Hash("x"))
		add(k, k.Hash("y"))
	}
	add(revocation.SubjectAtClient, revocation.HashSubjectAtClient("x", "y"))
	add(revocation.All, revocation.All.Hash(identifier))
	_, err := f.store.AddRevocations(t.Context(), entries)
	must(t, err)

	for _, tt := range []struct {
		filter admin.LogFilter
		want   []string
	}{
		{admin.LogFilter{Grant: "x"}, []string{"1 grant", "13 exempt"}},
		{admin.LogFilter{Token: "y"}, []string{"4 token"}},
		{admin.LogFilter{Key: "x"}, []string{"5 key"}},
		{admin.LogFilter{Subject: "y"}, []string{"8 subject"}},
		{admin.LogFilter{Client: "x"}, []string{"9 client"}},
		{admin.LogFilter{Audience: "y"}, []string{"12 audience"}},
		{admin.LogFilter{Subject: "x", Client: "y"}, []string{"15 subject_at_client"}},
		{admin.LogFilter{All: true}, []string{"16 all"}},
		{admin.LogFilter{Subject: "z"}, nil},
	} {
		var got []string
		for from := int64(1); from > 0; {
			page, next, err := f.Log(t.Context(), tt.filter, from, 5)
			must(t, err)
			for _, e := range page {
				got = append(got, fmt.Sprint(e.Seq, " ", e.Kind))
			}
			from = next
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%+v: %q, want %q", tt.filter, got, tt.want)
		}
	}

	all, next, err := f.Log(t.Context(), admin.LogFilter{}, 1, 100)
	if err != nil || len(all) != len(entries) || next != 0 {
		t.Errorf("without a filter: %d entries, next %d, %v", len(all), next, err)
	}
	for _, invalid := range []admin.LogFilter{
		{Grant: "x", Token: "y"},
		{Subject: "x", Audience: "y"},
		{Client: "x", All: true},
		{Subject: "x", Client: "y", Key: "z"},
	} {
		_, _, err := f.Log(t.Context(), invalid, 1, 100)
		wantCode(t, err, oauth.InvalidRequest)
	}
}

// A thief of a secret has neither a valid secret nor valid access tokens, also
// if another server accepted the old secret for a moment longer.
func TestCompromiseSecrets(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	f, _ := newDirectory(t, func() time.Time { return now })
	_, err := f.RotateSecret(t.Context(), by, "app")
	must(t, err)
	f.events = nil

	made, err := f.CompromiseSecrets(t.Context(), by, "app")
	must(t, err)
	d, err := f.Directory(t.Context())
	must(t, err)
	app, _ := d.Client("app")
	if len(app.Secrets) != 1 || !app.Secrets[0].Hash.Equal(client.HashSecret(made)) {
		t.Errorf("%d secrets are valid, want the new one", len(app.Secrets))
	}
	until := now.Add(grant.MintLag)
	if log := f.log(t); len(log) != 1 || log[0].Kind != revocation.Client ||
		log[0].Entry != (revocation.Entry{Hash: revocation.Client.Hash("app"), Before: until.UnixMicro()}) {
		t.Errorf("logged %+v", log)
	}
	if len(f.events) != 2 || f.events[0].Name != audit.ClientUpdated || f.events[0].Reason != audit.SecretRotated ||
		f.events[1].Name != audit.RevocationAdded || f.events[1].Client != "app" || !f.events[1].Moment.Equal(until) {
		t.Errorf("recorded %+v", f.events)
	}

	_, _, err = f.CreateClient(t.Context(), by, client.Client{ID: "spa", Public: true}, "")
	must(t, err)
	_, err = f.CompromiseSecrets(t.Context(), by, "spa")
	wantCode(t, err, oauth.FailedPrecondition)
	_, err = f.CompromiseSecrets(t.Context(), by, "nosuchclient")
	wantCode(t, err, oauth.NotFound)
	if log := f.log(t); len(log) != 1 {
		t.Errorf("a refused call wrote an entry: %+v", log)
	}
}

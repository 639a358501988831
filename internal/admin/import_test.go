package admin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

func TestImportUser_KeepsTheSubject(t *testing.T) {
	f := newFixture(t)
	for name, id := range map[string]string{
		"signet": "usr_2yq6b5wmrbfk7hd4zq3jx5nxau", "auth0": "auth0|5f7c8ec7",
		"firebase": "Zk3pQmW8xRtYuIoPaSdFgHjKlBn1", "keycloak": "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
		"longest": strings.Repeat("x", 255),
	} {
		_, err := f.ImportUser(t.Context(), by, admin.ImportedUser{Username: name, ID: id})
		must(t, err)
		u, err := f.User(t.Context(), name)
		must(t, err)
		if u.ID != id {
			t.Errorf("%s: id %q", name, u.ID)
		}
		_, err = f.ImportUser(t.Context(), by, admin.ImportedUser{Username: name + "-2", ID: id})
		wantSentence(t, err, oauth.AlreadyExists, "A user has this name or this id already.")
	}
}

func TestImportUser_RefusesIDsOfOtherSubjects(t *testing.T) {
	f := newFixture(t)
	events := len(f.events)
	for _, id := range []string{
		"server", "operator:", "operator:root", "usr_", "usr_a|b", "usr_" + strings.Repeat("x", 125), "a b", "a\"b",
		"a\\b", "a\nb", "a\u00e9b", strings.Repeat("x", 256),
	} {
		_, err := f.ImportUser(t.Context(), by, admin.ImportedUser{Username: "ada", ID: id})
		wantCode(t, err, oauth.InvalidRequest)
	}
	if len(f.events) != events {
		t.Errorf("%d events of imports that failed", len(f.events)-events)
	}

	// A token must show whether it is for a user or for a client (RFC 9068 §5).
	_, _, err := f.CreateClient(t.Context(), by, client.Client{ID: "billing"}, "")
	must(t, err)
	_, err = f.ImportUser(t.Context(), by, admin.ImportedUser{Username: "ada", ID: "billing"})
	wantSentence(t, err, oauth.AlreadyExists, "A client has this id")
	_, err = f.ImportUser(t.Context(), by, admin.ImportedUser{Username: "ada", ID: "auth0|5f7c8ec7"})
	must(t, err)
	_, _, err = f.CreateClient(t.Context(), by, client.Client{ID: "auth0|5f7c8ec7"}, "")
	wantSentence(t, err, oauth.AlreadyExists, "A user has this id")
	d, err := f.Directory(t.Context())
	must(t, err)
	created := client.Client{ID: "auth0|5f7c8ec7", CreatedAt: time.Now()}
	_, err = f.ChangeDirectory(t.Context(), by, d, client.Changes{
		Version: d.Version, Clients: []client.Change[client.Client]{{New: &created}},
	})
	wantSentence(t, err, oauth.AlreadyExists, "A user has this id")
}

// A client may have minted grants for a subject before the subject is imported
// as a disabled user.
func TestImportUser_SuspendsEarlierGrantsOfADisabledUser(t *testing.T) {
	f := newFixture(t)
	now := time.Now().Truncate(time.Microsecond)
	g := grant.Grant{
		ID: oauth.GrantID{1}, UserID: "auth0|5f7c8ec7", ClientID: "mesh", RotatedAt: now, IdleLifetime: time.Hour,
		ExpiresAt: now.Add(time.Hour), CreatedAt: now,
	}
	_, err := f.store.MintGrant(t.Context(), g)
	must(t, err)
	_, err = f.ImportUser(t.Context(), by, admin.ImportedUser{Username: "ada", ID: g.UserID, Disabled: true})
	must(t, err)
	suspended := func(want bool) {
		t.Helper()
		found, err := f.store.Grant(t.Context(), g.ID)
		must(t, err)
		if found.SuspendedAt.IsZero() == want {
			t.Errorf("the grant is suspended: %v, want %v", !want, want)
		}
	}
	suspended(true)
	must(t, f.EnableUser(t.Context(), by, "ada"))
	suspended(false)
}

// wantSentence wants an error of the code whose sentence begins so.
func wantSentence(t *testing.T, err error, code oauth.Code, begin string) {
	t.Helper()
	wantCode(t, err, code)
	if e := oauth.AsError(err); !strings.HasPrefix(e.Sentence, begin) {
		t.Errorf("%q, want %q", e.Sentence, begin)
	}
}

package admin_test

import (
	"testing"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// A client cannot become public: its grants and its secrets are those of a
// confidential one.
func TestChangeDirectory_FixedFields(t *testing.T) {
	f := newFixture(t)
	_, _, err := f.CreateClient(t.Context(), by, client.Client{ID: "back-end"}, "")
	must(t, err)
	d, err := f.Directory(t.Context())
	must(t, err)
	old, _ := d.Client("back-end")

	next := old
	next.Public = true
	_, err = f.ChangeDirectory(t.Context(), by, d, client.Changes{
		Version: d.Version, Clients: []client.Change[client.Client]{{Old: &old, New: &next}},
	})
	wantCode(t, err, oauth.FailedPrecondition)
}

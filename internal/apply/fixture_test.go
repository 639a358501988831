package apply_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/apply"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/sqlite"
)

var by = audit.Actor{Name: "operator:test", RequestID: "r1"}

// A fixture is an Admin on a SQLite file, a directory for files, and the audit
// events.
type fixture struct {
	*admin.Admin
	t      testing.TB
	dir    string
	events []audit.Event
	// auditError is what writing an event returns.
	auditError error
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir()}
	store, err := sqlite.Open(t.Context(), filepath.Join(f.dir, "signet.db"), sqlite.Options{})
	f.must(err)
	t.Cleanup(func() { f.must(store.Close()) })
	f.must(store.Migrate(t.Context()))
	passwords, err := password.New(password.Options{Params: password.MinParams()})
	f.must(err)
	f.Admin = admin.New(admin.Options{
		Issuer: "https://issuer.example", Store: store, Passwords: passwords, Now: time.Now,
		Limits: admin.Limits{MaxAccess: time.Hour, MaxRefresh: 90 * 24 * time.Hour},
		Audit: func(_ context.Context, e audit.Event) error {
			f.events = append(f.events, e)
			return f.auditError
		},
	})
	return f
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// path returns the path of a file in the directory of the fixture.
func (f *fixture) path(name string) string { return filepath.Join(f.dir, name) }

// write writes a file with that mode.
func (f *fixture) write(name, text string, mode os.FileMode) {
	f.t.Helper()
	f.must(os.WriteFile(f.path(name), []byte(text), mode))
	f.must(os.Chmod(f.path(name), mode))
}

// read returns the first line of a file.
func (f *fixture) read(name string) string {
	f.t.Helper()
	text, err := os.ReadFile(f.path(name))
	f.must(err)
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// compare compares a text with the directory.
func (f *fixture) compare(text string, prune bool) (*apply.Plan, error) {
	f.t.Helper()
	file, err := apply.Read(f.path("clients.yaml"), strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	return file.Compare(f.directory(), apply.Options{Admin: f.Admin, Prune: prune, Now: time.Now()})
}

func (f *fixture) directory() client.Directory {
	f.t.Helper()
	d, err := f.Directory(f.t.Context())
	f.must(err)
	return d
}

// apply makes the changes of a text and returns the plan.
func (f *fixture) apply(text string, prune bool) *apply.Plan {
	f.t.Helper()
	plan, err := f.compare(text, prune)
	f.must(err)
	_, err = plan.Make(f.t.Context(), f.Admin, by)
	f.must(err)
	return plan
}

// unchanged fails the test if the text changes something.
func (f *fixture) unchanged(text string) {
	f.t.Helper()
	before, events := f.directory().Version, len(f.events)
	if plan := f.apply(text, true); len(plan.Steps) > 0 {
		f.t.Errorf("the plan has the steps %+v", plan.Steps)
	}
	if after := f.directory().Version; after != before || len(f.events) != events {
		f.t.Errorf("the version was %d and is %d; %d events", before, after, len(f.events)-events)
	}
}

// refused fails the test unless the text has exactly these faults, each with
// its line. They have no changes.
func (f *fixture) refused(text string, faults ...string) {
	f.t.Helper()
	before := f.directory().Version
	_, err := f.compare(text, true)
	want := f.path("clients.yaml") + ":" + strings.Join(faults, "\n"+f.path("clients.yaml")+":")
	if err == nil || err.Error() != want {
		f.t.Errorf("the error is\n%v\nwant\n%s", err, want)
	}
	if after := f.directory().Version; after != before {
		f.t.Errorf("the version was %d and is %d", before, after)
	}
}

// client returns a client of the directory.
func (f *fixture) client(id string) client.Client {
	f.t.Helper()
	c, ok := f.directory().Client(id)
	if !ok {
		f.must(errors.New("there is no client " + id))
	}
	return c
}

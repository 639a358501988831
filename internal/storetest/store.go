package storetest

import (
	"testing"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/keys"
)

// A Store has all methods that a server calls.
type Store interface {
	client.Store
	login.Store
	grant.Store
	grant.SweepStore
	grant.EndingStore
	grant.LogStore
	grant.VerifierStore
	admin.Store
	keys.Store
	// Close closes the store.
	Close() error
}

// A Place prepares a place for a store, for example an empty database. It
// returns what each server does that starts on it: start opens a store and
// migrates the schema. The store is closed when the test ends. The first place
// has no schema. Later places may have one, with empty tables.
type Place func(t *testing.T) (start func() (Store, error))

// open starts a server.
func open(t *testing.T, start func() (Store, error)) Store {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A singleCase runs on one server.
type singleCase struct {
	name string
	run  func(*testing.T, Store)
}

// A contentionCase runs on two servers on one place.
type contentionCase struct {
	name string
	run  func(*testing.T, [2]Store)
}

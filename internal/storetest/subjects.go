package storetest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

var subjectCases = []singleCase{
	{"NoIDIsThatOfAUserAndOfAClient", idsOfUsersAndClients},
}

// idsOfUsersAndClients: a user cannot have the id of a client, nor a client
// that of a user (RFC 9068 §5). Nothing is written.
func idsOfUsersAndClients(t *testing.T, s Store) {
	u := login.User{ID: "auth0|5f7c8ec7", Username: "ann", CreatedAt: start}
	must(t, s.CreateUser(t.Context(), u))
	app, taken := aClient("app"), aClient(u.ID)
	must(t, s.CreateClient(t.Context(), app))

	twin := login.User{ID: "app", Username: "bob", CreatedAt: start}
	is(t, s.CreateUser(t.Context(), twin), client.ErrIDTaken)
	_, err := s.User(t.Context(), "bob")
	rejected(t, err, oauth.NotFound)
	is(t, s.CreateClient(t.Context(), taken), login.ErrIDTaken)
	is(t, s.ChangeDirectory(t.Context(), client.Changes{
		Version: 1, Clients: []client.Change[client.Client]{created(aClient("other")), created(taken)},
	}, operator), login.ErrIDTaken)
	directoryIs(t, s, client.Directory{Version: 1, Clients: []client.Client{app}})

	// After a deletion, the id is free.
	at(t)(s.DeleteUser(t.Context(), "ann", operator))
	must(t, s.CreateClient(t.Context(), taken))
	must(t, s.DeleteClient(t.Context(), "app", operator))
	must(t, s.CreateUser(t.Context(), twin))
}

// concurrentSubjects creates a user and a client of one id at the same moment,
// for many ids. One of the two is created.
func concurrentSubjects(t *testing.T, servers [2]Store) {
	for n := range 40 {
		id := fmt.Sprint("id", n)
		var created atomic.Int32
		atOnce(servers, 2, func(i int, s Store) {
			var err error
			if i == 0 {
				err = s.CreateUser(t.Context(), login.User{ID: id, Username: id, CreatedAt: start})
			} else {
				err = s.CreateClient(t.Context(), client.Client{ID: id, CreatedAt: start})
			}
			if err == nil {
				created.Add(1)
			} else {
				rejected(t, err, oauth.AlreadyExists)
			}
		})
		if created.Load() != 1 {
			t.Errorf("%s is the id of %d of a user and a client, want one", id, created.Load())
		}
	}
}

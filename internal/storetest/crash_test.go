package storetest_test

import (
	"bufio"
	"context"
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/pgtest"
	"github.com/signetd/signet/internal/postgres"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/internal/sqlite"
	"github.com/signetd/signet/internal/storetest"
)

// victimStore is the environment variable that makes this program revoke grants
// until it is killed. Its value is the URL of a Postgres or the path of an
// SQLite file.
const victimStore = "SIGNET_TEST_VICTIM"

// A schemaStore is a store and its schema.
type schemaStore interface {
	storetest.Store
	Migrate(ctx context.Context) error
}

// openStore opens a store by its URL or path.
func openStore(ctx context.Context, at string) (schemaStore, error) {
	if strings.HasPrefix(at, "postgres") {
		return postgres.Open(ctx, postgres.Options{URL: at, MaxConns: 8})
	}
	return sqlite.Open(ctx, at, sqlite.Options{})
}

// victimSubject is the subject of a grant.
func victimSubject(id oauth.GrantID) string { return "customer " + id.String() }

// beVictim creates grants and revokes them, one by one or as all grants of
// their subject, until it is killed or its output is closed. It prints the id
// of a grant before it revokes it.
func beVictim(at string) error {
	ctx := context.Background()
	s, err := openStore(ctx, at)
	if err != nil {
		return err
	}
	var workers sync.WaitGroup
	for worker := range 8 {
		workers.Go(func() {
			for {
				var id oauth.GrantID
				_, _ = crand.Read(id[:]) // crypto/rand never fails
				now := time.Now()
				_, err := s.MintGrant(ctx, grant.Grant{
					ID: id, UserID: victimSubject(id), ClientID: "app", RotatedAt: now,
					IdleLifetime: time.Hour, ExpiresAt: now.Add(time.Hour),
				})
				if err != nil {
					continue // The store did not answer in time.
				}
				fmt.Println(id)
				if worker%2 == 0 {
					_, _, _ = s.RevokeGrant(ctx, id, "", audit.RevokedByClient, now)
				} else {
					_, _ = s.RevokeGrants(ctx, grant.Ending{Subject: victimSubject(id), Reason: audit.RevokedByAdmin})
				}
			}
		})
	}
	workers.Wait()
	return nil
}

// Rule 31: if a server is killed, the store has a revocation and its entry in
// the log, or neither.
func TestKill_RevocationAndItsEntryAreOne(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a process for each kill")
	}
	kills := 12
	if os.Getenv("SIGNET_TEST_LONG") != "" {
		kills = 1000
	}
	for name, at := range map[string]string{"SQLite": t.TempDir() + "/signet.db", "Postgres": pgtest.Empty(t)} {
		t.Run(name, func(t *testing.T) {
			s, err := openStore(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			var position int64
			logged := map[revocation.Hash]bool{}
			revoked, all := 0, 0
			for range kills {
				for _, id := range killVictim(t, at, 1+rand.IntN(60)) {
					all++
					if wantBothOrNeither(t, s, id, logged, &position) {
						revoked++
					}
				}
			}
			if revoked == 0 || revoked == all {
				t.Errorf("%d of %d grants were revoked: the kills test nothing", revoked, all)
			}
			t.Logf("%d of %d grants were revoked", revoked, all)
		})
	}
}

// killVictim starts a victim and kills it when it is about to revoke the n-th
// grant. It returns the ids of the grants.
func killVictim(t *testing.T, at string, n int) (ids []oauth.GrantID) {
	t.Helper()
	victim := exec.Command(os.Args[0], "-test.run=^$")
	victim.Env = append(os.Environ(), victimStore+"="+at)
	victim.Stderr = os.Stderr
	out, err := victim.StdoutPipe()
	if err == nil {
		err = victim.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		id, err := oauth.ParseGrantID(lines.Text())
		if err != nil {
			break // a torn line
		}
		if ids = append(ids, id); len(ids) == n {
			_ = victim.Process.Kill() // SIGKILL
		}
	}
	_ = victim.Wait()
	if len(ids) < n {
		t.Fatalf("the victim revoked %d grants, want %d", len(ids), n)
	}
	return ids
}

// wantBothOrNeither fails the test if a grant is revoked and the log has no
// entry about it, or the reverse. It returns whether the grant is revoked. On
// Postgres, a transaction may still commit after its client was killed.
func wantBothOrNeither(
	t *testing.T, s storetest.Store, id oauth.GrantID, logged map[revocation.Hash]bool, position *int64,
) (revoked bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	one, many := grant.RevokedGrant(id).Hash, grant.RevokedSubject(victimSubject(id), "").Hash
	for range 500 {
		g, err := s.Grant(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		page, err := s.Revocations(t.Context(), *position+1, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			*position, logged[e.Entry.Hash] = e.Seq, true
		}
		revoked = !g.RevokedAt.IsZero()
		if revoked == (logged[one] || logged[many]) {
			return revoked
		}
		<-tick.C
	}
	t.Errorf("the grant %v is revoked: %v, but the log differs", id, revoked)
	return revoked
}

package main

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ageGrants makes the times of the grants of a restored store a day older. The
// absolute lifetime of the user late ended an hour ago.
const (
	ageGrantsSQLite = `
UPDATE grants SET moved_at = moved_at - 86400000000, created_at = created_at - 86400000000,
	auth_time = auth_time - 86400000000, expires_at = expires_at - 86400000000;
UPDATE grants SET expires_at = moved_at + 82800000000 WHERE user_id = (SELECT id FROM users WHERE username = 'late');`
	ageGrantsPostgres = `
UPDATE grants SET moved_at = moved_at - interval '1 day', created_at = created_at - interval '1 day',
	auth_time = auth_time - interval '1 day', expires_at = expires_at - interval '1 day';
UPDATE grants SET expires_at = moved_at + interval '23 hours'
	WHERE user_id = (SELECT id FROM users WHERE username = 'late');`
)

// A backup is a day old, which is longer than the idle lifetime of the grants.
// After the operator has accepted the restore, the clients that refreshed after
// the backup stay logged in. A client that did not refresh has been idle for a
// day, so its grant has expired. The absolute lifetime counts in any case.
func TestDrill_RestoreOfADayOldBackup(t *testing.T) {
	onBothStores(t, func(t *testing.T, m *machine, s restorable) {
		d := newRestoreDrill(t, m)
		d.p = m.start("--dev").ready()
		for _, name := range []string{"busy", "quiet", "late"} {
			d.live[name] = d.login(name)
		}
		s.backup()
		for _, name := range []string{"busy", "late", "busy"} {
			if err := d.live[name].refresh(); err != nil {
				t.Fatal(err)
			}
		}
		d.p.kill()

		s.restore()
		s.execute(ageGrantsSQLite, ageGrantsPostgres)
		m.signet("", "keys", "--accept-restore")
		d.p = m.start("--dev").ready()
		for range 2 {
			if err := d.live["busy"].refresh(); err != nil {
				t.Errorf("a refresh after a restore: %v", err)
			}
		}
		for _, name := range []string{"quiet", "late"} {
			if err := d.live[name].refresh(); status.Code(err) != codes.Unauthenticated {
				t.Errorf("a refresh of the expired grant (%s) returns %v", name, err)
			}
		}
	})
}

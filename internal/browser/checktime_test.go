package browser_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/issuertest"
)

// Statement 21 of docs/browser.md: 100,000 checks of one session in a minute
// cause at most 61 reads, one touch and one signature. While the server follows
// the revocation log, they cause one read.
func TestCheck_ManyChecksOfOneSession(t *testing.T) {
	for name, follow := range map[string]bool{"without the log": false, "with the log": true} {
		t.Run(name, func(t *testing.T) {
			inCheckBubble(t, func(t *testing.T, f *checkFixture) {
				s := f.open(t)
				f.Sleep(t, 10*time.Minute) // more than a tenth of the idle lifetime
				if follow {
					f.Run(t)
				}
				began := time.Now()
				checks := 100_000
				if testing.Short() { // with the race detector
					checks = 2_000
				}
				for i := range checks {
					time.Sleep(time.Until(began.Add(time.Minute * time.Duration(i) / time.Duration(checks))))
					if !follow && i%100 == 0 {
						must(t, f.Registry.Poll(t.Context()))
						must(t, f.Keys.Poll(t.Context()))
					}
					f.mustPass(t, s)
				}
				synctest.Wait()
				reads, touches, signed := f.store.reads.Load(), f.store.touches.Load(), f.signed.Load()
				t.Logf("%d reads, %d touches, %d signatures", reads, touches, signed)
				if reads > 61 || follow && reads > 1 || touches != 1 || signed != 1 {
					t.Errorf("%d reads, %d touches, %d signatures", reads, touches, signed)
				}
			})
		})
	}
}

// Statement 20 of docs/browser.md: what another server has ended is refused
// within a second, whether this server follows the revocation log or not.
func TestCheck_EndsOfAnotherServer(t *testing.T) {
	ends := map[string]func(t *testing.T, at *checkFixture, s browserSession){
		"revoked": func(t *testing.T, at *checkFixture, s browserSession) {
			gateway := at.Caller(t, "gateway")
			gateway.Admin = true
			must(t, at.Grants.Revoke(t.Context(), gateway, s.id.String()))
		},
		"all revoked": func(t *testing.T, at *checkFixture, _ browserSession) {
			gateway := at.Caller(t, "gateway")
			gateway.Admin = true
			_, err := at.Grants.RevokeAll(t.Context(), gateway, at.user.ID, "")
			must(t, err)
		},
		"user disabled": func(t *testing.T, at *checkFixture, _ browserSession) {
			must(t, at.Admin.DisableUser(t.Context(), issuertest.Operator, "ada"))
		},
		"client disabled": func(t *testing.T, at *checkFixture, _ browserSession) {
			must(t, at.Admin.DisableClient(t.Context(), issuertest.Operator, "shop"))
		},
	}
	testEnds(t, ends, 30)
}

// testEnds ends a session at another server in each of these ways, after it was
// used at this one for that many seconds. After a second, this server refuses
// it, with and without the revocation log.
func testEnds(t *testing.T, ends map[string]func(*testing.T, *checkFixture, browserSession), seconds int) {
	t.Helper()
	for name, end := range ends {
		for _, follow := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				inCheckBubble(t, func(t *testing.T, f *checkFixture) {
					s, elsewhere := f.open(t), f.newReplica(t)
					if follow {
						f.Run(t)
					}
					for range seconds { // with the log, the copy is old
						f.sleep(t, follow, time.Second)
						f.mustPass(t, s)
					}
					elsewhere.Sleep(t, 0)
					end(t, elsewhere, s)
					f.sleep(t, follow, time.Second+time.Millisecond)
					v := f.check(t, s)
					if v.Status != http.StatusUnauthorized && v.Status != http.StatusForbidden {
						t.Errorf("status %d after a second: %v", v.Status, v.Err)
					}
				})
			})
		}
	}
}

// sleep lets time pass. follow is true if the loops of the server run.
func (f *checkFixture) sleep(t *testing.T, follow bool, d time.Duration) {
	t.Helper()
	time.Sleep(d)
	if !follow {
		must(t, f.Registry.Poll(t.Context()))
		must(t, f.Keys.Poll(t.Context()))
	}
	synctest.Wait()
}

// Statement 20 of docs/browser.md: while the store is away, a session passes
// for about five seconds. Then the verdict is 503, and never 401.
func TestCheck_StoreAway(t *testing.T) {
	for _, follow := range []bool{false, true} {
		inCheckBubble(t, func(t *testing.T, f *checkFixture) {
			s, unknown := f.open(t), f.open(t)
			f.Run(t)
			if !follow {
				f.Checker = f.withoutLog()
			}
			for range 40 {
				time.Sleep(500 * time.Millisecond)
				f.mustPass(t, s)
			}
			f.store.away.Store(true)
			began, last := time.Now(), time.Duration(0)
			for time.Since(began) < 30*time.Second {
				v := f.check(t, s, set("Sec-Fetch-Mode", "navigate"))
				switch v.Status {
				case http.StatusOK:
					last = time.Since(began)
				case http.StatusServiceUnavailable:
					if v.RetryAfter < time.Second {
						t.Errorf("503 with Retry-After %s", v.RetryAfter)
					}
				default:
					t.Fatalf("after %s: %+v", time.Since(began), v)
				}
				want(t, f.check(t, unknown), http.StatusServiceUnavailable)
				time.Sleep(100 * time.Millisecond)
			}
			if last < 3*time.Second || last > 6*time.Second {
				t.Errorf("the last check that passed was %s after the store went away", last)
			}
			f.store.away.Store(false)
			time.Sleep(3 * time.Second)
			f.mustPass(t, s)
			f.mustPass(t, unknown)
		})
	}
}

// Statement 12 of docs/browser.md: after a logout everywhere at another server,
// gateways refuse the sessions of the user within a second, and those of nobody
// else.
func TestCheck_LogoutEverywhereAtAnotherServer(t *testing.T) {
	inCheckBubble(t, func(t *testing.T, f *checkFixture) {
		all, elsewhere := []browserSession{f.open(t), f.open(t), f.open(t)}, f.newReplica(t)
		first := f.user
		var err error
		f.user, err = f.Admin.CreateUser(t.Context(), issuertest.Operator, "bob", "correct horse battery staple", nil)
		must(t, err)
		others := f.open(t)
		f.Run(t)
		for _, s := range append(all, others) {
			f.mustPass(t, s)
		}
		shop := elsewhere.Caller(t, "shop")
		_, err = elsewhere.Grants.RevokeAllByToken(t.Context(), shop, all[0].cookie)
		must(t, err)
		time.Sleep(time.Second)
		for i, s := range all {
			if v := f.check(t, s); v.Status != http.StatusUnauthorized {
				t.Errorf("session %d of %s: %+v", i, first.ID, v)
			}
		}
		f.mustPass(t, others)
	})
}

// A user who is disabled and enabled again within a few seconds gets tokens
// that verifiers accept, or none.
func TestCheck_UserDisabledAndEnabledAgain(t *testing.T) {
	inCheckBubble(t, func(t *testing.T, f *checkFixture) {
		s := f.open(t)
		f.Run(t)
		f.mustPass(t, s)
		must(t, f.Admin.DisableUser(t.Context(), issuertest.Operator, "ada"))
		f.Checker.Ended(audit.Event{Name: audit.UserDisabled, Subject: f.user.ID})
		want(t, f.check(t, s), http.StatusUnauthorized)
		time.Sleep(time.Second)
		must(t, f.Admin.EnableUser(t.Context(), issuertest.Operator, "ada"))
		time.Sleep(2 * time.Second)
		v := f.check(t, s)
		if v.Status != http.StatusServiceUnavailable || v.RetryAfter < time.Second {
			t.Errorf("%+v", v)
		}
		time.Sleep(6 * time.Second)
		f.mustPass(t, s)
	})
}

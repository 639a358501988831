package main

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// TestGateway logs a user in at two browsers and follows their sessions until
// the last one ends.
func TestGateway(t *testing.T) {
	f := newFixture(t)
	laptop, phone := f.newBrowser(), f.newBrowser()

	laptop.expect(http.StatusUnauthorized, "GET", "/api/x", "")
	laptop.expect(http.StatusUnauthorized, "POST", "/login", `{"username":"`+f.user+`","password":"wrong"}`)
	laptop.expect(http.StatusBadRequest, "POST", "/login", "username=ada")
	laptop.expect(http.StatusForbidden, "POST", "/login", "{}", "Sec-Fetch-Site", "cross-site")

	laptop.login()
	phone.login()
	grant := laptop.expect(http.StatusOK, "GET", "/api/x", "")
	if other := phone.expect(http.StatusOK, "GET", "/api/x", ""); other == grant || len(grant) != 32 {
		t.Errorf("the grants are %q and %q", grant, other)
	}
	if rotated, retried := f.refreshes("rotated"), f.refreshes("retried"); rotated != "2" || retried != "0" {
		t.Errorf("%s refreshes rotated the grant, %s were retries; want 2 and 0", rotated, retried)
	}
	checkLostResponses(t, f, laptop, grant)

	// Concurrent requests of one browser share each refresh.
	var requests sync.WaitGroup
	for range 8 {
		requests.Go(func() { phone.expect(http.StatusOK, "GET", "/api/x", "") })
	}
	requests.Wait()

	checkLogout(t, f, laptop, phone)
	checkDisabled(t, f, laptop)
}

// checkLostResponses drops the response to a refresh after the issuer has
// rotated the grant. The gateway retries with the same idempotency key and gets
// the same response, so the browser notices nothing. Only the key identifies
// the retry: the issuer counts no reuse and no refresh within the leeway.
func checkLostResponses(t *testing.T, f *fixture, b *browser, grant string) {
	t.Helper()
	for lost := 1; lost <= 3; lost++ {
		f.proxy.dropNext()
		if again := b.expect(http.StatusOK, "GET", "/api/x", ""); again != grant {
			t.Errorf("the grant was %q and is %q", grant, again)
		}
		dropped, retried := f.proxy.droppedCount(), f.refreshes("retried")
		if dropped != lost || retried != fmt.Sprint(lost) {
			t.Fatalf("%d responses were dropped and %s refreshes were retries; want %d", dropped, retried, lost)
		}
	}
	reused, withinLeeway := f.refreshes("reused"), f.refreshes("within_leeway")
	if reused != "0" || withinLeeway != "0" {
		t.Errorf("%s refreshes were reuse, %s within the leeway; want none", reused, withinLeeway)
	}
}

// checkLogout ends the sessions of both browsers: everywhere, and then at one
// browser.
func checkLogout(t *testing.T, f *fixture, laptop, phone *browser) {
	t.Helper()
	phone.expect(http.StatusForbidden, "POST", "/logout-everywhere", "", "Origin", "https://evil.example")
	laptop.expect(http.StatusNoContent, "POST", "/logout-everywhere", "")
	laptop.expect(http.StatusUnauthorized, "GET", "/api/x", "")
	phone.expect(http.StatusUnauthorized, "GET", "/api/x", "")
	if live := f.liveGrants(); live != 0 {
		t.Errorf("%d grants are active after the user logged out everywhere", live)
	}

	// A logout ends the session of one browser only.
	laptop.login()
	phone.login()
	phone.expect(http.StatusNoContent, "POST", "/logout", "")
	phone.expect(http.StatusUnauthorized, "GET", "/api/x", "")
	laptop.expect(http.StatusOK, "GET", "/api/x", "")
	if live := f.liveGrants(); live != 1 {
		t.Errorf("%d grants are active, want 1", live)
	}
}

// checkDisabled disables the gateway, and then the user.
func checkDisabled(t *testing.T, f *fixture, b *browser) {
	t.Helper()

	// The gateway keeps the sessions when the issuer rejects the gateway
	// itself.
	f.signet("clients", "disable", "demo-client")
	b.waitForStatus(http.StatusServiceUnavailable)
	f.signet("clients", "enable", "demo-client")
	b.waitForStatus(http.StatusOK)

	// The gateway drops the session when the issuer has ended the login.
	f.signet("users", "disable", f.user)
	b.expect(http.StatusUnauthorized, "GET", "/api/x", "")
	if _, ok := b.cookies[sessionCookie]; ok {
		t.Error("the browser still has the session cookie")
	}
}

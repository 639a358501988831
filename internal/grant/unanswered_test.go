package grant

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

func id(n int) unansweredID { return unansweredID{generation: uint32(n), clientID: "c"} }

// A key stays for half a minute at least and a minute at most, and is taken
// once.
func TestUnansweredKeys_Expire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &unansweredKeys{}
		key := oauth.NewDigest([]byte("key"))
		for _, c := range []struct {
			before, after time.Duration
			stays         bool
		}{
			{0, 0, true},
			{0, unansweredTime - 1, true},
			{unansweredTime - 1, unansweredTime - 1, true},
			{0, 2 * unansweredTime, false},
			{unansweredTime - 1, 2*unansweredTime - 1, false},
			{0, 24 * time.Hour, false},
		} {
			u.put(id(0), key)
			time.Sleep(c.before)
			u.put(id(1), key)
			time.Sleep(c.after)
			got, ok := u.take(id(1))
			if ok != c.stays || ok && !got.Equal(key) {
				t.Errorf("after %s: %v, want %v", c.after, ok, c.stays)
			}
			if _, ok := u.take(id(1)); ok {
				t.Error("a key was taken twice")
			}
			time.Sleep(time.Hour)
		}
	})
}

// A full table drops the oldest keys.
func TestUnansweredKeys_AreBounded(t *testing.T) {
	u := &unansweredKeys{}
	for n := range 5 * maxUnanswered {
		u.put(id(n), oauth.NewDigest([]byte("key")))
	}
	if n := len(u.recent) + len(u.older); n > 2*maxUnanswered {
		t.Errorf("%d keys, want at most %d", n, 2*maxUnanswered)
	}
	if _, ok := u.take(id(0)); ok {
		t.Error("the oldest key is still there")
	}
	if _, ok := u.take(id(5*maxUnanswered - 1)); !ok {
		t.Error("the newest key was dropped")
	}
}

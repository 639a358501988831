package issuer_test

import (
	"testing"
	"time"
)

// TestRule74_TokensOutliveNoMoreThanTheJump: where the clock is set back, a token is good for as much longer and no more; where
// it is set forward, tokens and grants are over at once, and good again when the clock is put right: nothing was deleted or
// ended for it.
func TestRule74_TokensOutliveNoMoreThanTheJump(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		answer := h.login(t)
		active := func() bool {
			t.Helper()
			h.pass(t, 0)
			found, err := h.Introspect(t.Context(), h.caller, answer.AccessToken)
			must(t, err)
			return found.Active
		}
		lifetime := answer.ExpiresIn
		const back = time.Hour
		h.ahead.Store(int64(-back))
		time.Sleep(lifetime + back - time.Minute)
		if !active() {
			t.Error("a token was over before its time by the clock")
		}
		time.Sleep(2 * time.Minute)
		if active() {
			t.Error("a token outlived its lifetime and the jump")
		}

		h.ahead.Store(0)
		answer = h.login(t)
		for _, jump := range []time.Duration{time.Hour, 365 * 24 * time.Hour} {
			h.ahead.Store(int64(jump))
			if active() {
				t.Errorf("a token is good after a jump by %s", jump)
			}
			h.ahead.Store(0)
			if !active() {
				t.Errorf("a token is not good again after a jump by %s and back", jump)
			}
		}
		h.mustRefresh(t, answer.RefreshToken, "")
	})
}

package keys

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestClock_Jumps(t *testing.T) {
	confirmAfter := testPolicy().Retention() // longer than PublishAhead
	type step struct {
		wait        time.Duration
		wall        time.Duration // the error of the wall clock after wait
		store       time.Duration // the error of the store's clock
		want        time.Duration // the error of the clock under test
		independent bool
	}
	year := 365 * 24 * time.Hour
	tests := map[string][]step{
		"small steps are followed": {
			{0, 0, 0, 0, false},
			{time.Minute, time.Second, 0, time.Second, false},
			{time.Minute, time.Minute, 0, time.Minute, false},
			{time.Minute, -time.Minute, 0, -time.Minute, false},
		},
		"a jump forward is ignored until it has lasted": {
			{0, 0, 0, 0, false},
			{time.Minute, year, 0, 0, false},
			{confirmAfter - time.Minute, year, 0, 0, false},
			{time.Minute, year, 0, year, false},
			{time.Minute, year, 0, year, false},
		},
		"a jump back is ignored until it has lasted": {
			{0, 0, 0, 0, false}, {time.Minute, -year, 0, 0, false}, {confirmAfter, -year, 0, -year, false},
		},
		"a jump that was reversed is forgotten": {
			{0, 0, 0, 0, false},
			{time.Minute, year, 0, 0, false},
			{confirmAfter / 2, 0, 0, 0, false},
			{time.Minute, year, 0, 0, false},
			{confirmAfter / 2, year, 0, 0, false},
		},
		"a second jump restarts the waiting time": {
			{0, 0, 0, 0, false},
			{time.Minute, year, 0, 0, false},
			{confirmAfter / 2, 2 * year, 0, 0, false},
			{confirmAfter / 2, 2 * year, 0, 0, false},
			{confirmAfter / 2, 2 * year, 0, 2 * year, false},
		},
		"a store on this machine confirms nothing": {{0, 0, 0, 0, false}, {time.Minute, year, year, 0, false}},
		"the store's clock confirms a jump": {
			{0, 0, 0, 0, true}, {time.Minute, year, year + time.Minute, year, true},
		},
		"the store's clock contradicts a jump": {
			{0, 0, 0, 0, true},
			{time.Minute, year, 0, 0, true},
			{confirmAfter, year, 0, 0, true},
			{confirmAfter, year, 0, 0, true},
		},
		"a jump that has lasted is followed if the store's clock differs from both": {
			{0, 0, 0, 0, true}, {time.Minute, year, -year, 0, true}, {confirmAfter, year, -year, year, true},
		},
		"the clock starts with the store's clock": {
			{0, year, 0, 0, true}, {confirmAfter, year, 0, 0, true}, {time.Minute, 0, 0, 0, true},
		},
		"the clock starts with the wall clock": {{0, year, 0, year, false}},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				var offset time.Duration
				c := clock{
					policy:      testPolicy(),
					wall:        func() time.Time { return time.Now().Add(offset) },
					independent: steps[0].independent,
					log:         slog.New(slog.NewTextHandler(&log, nil)),
				}

				for i, step := range steps {
					time.Sleep(step.wait)
					offset = step.wall
					c.compare(time.Now().Add(step.store))
					if got := time.Until(c.now()); got != step.want {
						t.Fatalf("step %d: the clock is wrong by %s, want %s", i+1, got, step.want)
					}
				}

				for range 5 {
					c.compare(time.Now().Add(steps[len(steps)-1].store))
				}
				if n := strings.Count(log.String(), "clock jumped; keys ignore"); n > 2 {
					t.Errorf("%d warnings", n)
				}
			})
		})
	}
}

func TestClock_RingChangeRestartsTheWaitingTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		confirmAfter := testPolicy().Retention()
		var offset time.Duration
		c := clock{
			policy: testPolicy(),
			wall:   func() time.Time { return time.Now().Add(offset) },
			log:    slog.New(slog.DiscardHandler),
		}
		c.compare(time.Now())
		c.ringChanged()
		offset = time.Hour
		c.compare(time.Now())

		time.Sleep(confirmAfter - time.Second)
		c.ringChanged()
		time.Sleep(confirmAfter - time.Second)
		c.compare(time.Now())
		if got := time.Until(c.now()); got != 0 {
			t.Errorf("%s after the jump, with a change of the ring, the clock is wrong by %s", 2*confirmAfter, got)
		}

		time.Sleep(time.Second)
		c.compare(time.Now())
		if got := time.Until(c.now()); got != offset {
			t.Errorf("the jump has lasted, but the clock is wrong by %s", got)
		}
	})
}

package keys

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSteadyClock(t *testing.T) {
	patience := testPolicy().Retention() // longer than PublishAhead
	type step struct {
		wait        time.Duration
		wall        time.Duration // how far the wall is from the true time then
		store       time.Duration // and the store's clock
		want        time.Duration // and the steady clock
		independent bool
	}
	year := 365 * 24 * time.Hour
	tests := map[string][]step{
		"follows small steps": {
			{0, 0, 0, 0, false},
			{time.Minute, time.Second, 0, time.Second, false},
			{time.Minute, time.Minute, 0, time.Minute, false},
			{time.Minute, -time.Minute, 0, -time.Minute, false},
		},
		"holds a jump forward until it has lasted": {
			{0, 0, 0, 0, false},
			{time.Minute, year, 0, 0, false},
			{patience - time.Minute, year, 0, 0, false},
			{time.Minute, year, 0, year, false},
			{time.Minute, year, 0, year, false},
		},
		"holds a jump back until it has lasted": {
			{0, 0, 0, 0, false}, {time.Minute, -year, 0, 0, false}, {patience, -year, 0, -year, false},
		},
		"forgets a jump that was taken back": {
			{0, 0, 0, 0, false},
			{time.Minute, year, 0, 0, false},
			{patience / 2, 0, 0, 0, false},
			{time.Minute, year, 0, 0, false},
			{patience / 2, year, 0, 0, false},
		},
		"counts a second jump anew": {
			{0, 0, 0, 0, false},
			{time.Minute, year, 0, 0, false},
			{patience / 2, 2 * year, 0, 0, false},
			{patience / 2, 2 * year, 0, 0, false},
			{patience / 2, 2 * year, 0, 2 * year, false},
		},
		"the store's clock is this machine's": {{0, 0, 0, 0, false}, {time.Minute, year, year, 0, false}},
		"believes two clocks":                 {{0, 0, 0, 0, true}, {time.Minute, year, year + time.Minute, year, true}},
		"does not believe the wall against the store": {
			{0, 0, 0, 0, true}, {time.Minute, year, 0, 0, true}, {patience, year, 0, 0, true}, {patience, year, 0, 0, true},
		},
		"believes a wall that lasts when the store says a third time": {
			{0, 0, 0, 0, true}, {time.Minute, year, -year, 0, true}, {patience, year, -year, year, true},
		},
		"starts by the store's clock": {{0, year, 0, 0, true}, {patience, year, 0, 0, true}, {time.Minute, 0, 0, 0, true}},
		"starts by the wall alone":    {{0, year, 0, year, false}},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				var off time.Duration
				s := steady{
					policy: testPolicy(), wall: func() time.Time { return time.Now().Add(off) }, independent: steps[0].independent,
					log: slog.New(slog.NewTextHandler(&log, nil)),
				}
				for i, step := range steps {
					time.Sleep(step.wait)
					off = step.wall
					s.meet(time.Now().Add(step.store))
					if got := time.Until(s.now()); got != step.want {
						t.Fatalf("step %d: off by %s, want %s", i+1, got, step.want)
					}
				}
				for range 5 {
					s.meet(time.Now().Add(steps[len(steps)-1].store))
				}
				if n := strings.Count(log.String(), "clock jumped; keys go on"); n > 2 {
					t.Errorf("%d warnings", n)
				}
			})
		})
	}
}

func TestSteadyClockWaitsForAQuietRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		patience := testPolicy().Retention()
		var off time.Duration
		s := steady{policy: testPolicy(), wall: func() time.Time { return time.Now().Add(off) }, log: slog.New(slog.DiscardHandler)}
		s.meet(time.Now())
		s.ringChanged()
		off = time.Hour
		s.meet(time.Now())
		time.Sleep(patience - time.Second)
		s.ringChanged()
		time.Sleep(patience - time.Second)
		s.meet(time.Now())
		if got := time.Until(s.now()); got != 0 {
			t.Errorf("believed after %s although the ring changed meanwhile: off by %s", 2*patience, got)
		}
		time.Sleep(time.Second)
		s.meet(time.Now())
		if got := time.Until(s.now()); got != off {
			t.Errorf("not believed: off by %s", got)
		}
	})
}

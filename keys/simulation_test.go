package keys_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/keys"
)

const day = 24 * time.Hour

// A simulation is three servers on one SQLite file, each with a clock of its own that is up to two minutes wrong, and an
// operator who rotates, cancels and rarely skips the waits. Servers restart now and then.
type simulation struct {
	days   int
	quiet  time.Duration // the operator acts after this time at the latest
	policy keys.Policy
	wrap   func(keys.Store) keys.Store
}

// simulationPolicy has a longer poll interval than Validate allows, so that a
// test can simulate more days.
func simulationPolicy() keys.Policy {
	p := testPolicy()
	p.PollInterval = 10 * time.Minute
	p.MaxAge = 40 * time.Minute // Longer than Lead, so that the window is what keeps the promise.
	return p
}

func TestSimulation(t *testing.T) {
	s := simulation{days: 400, quiet: 20 * day, policy: simulationPolicy()}
	if testing.Short() {
		s.days = 40
	}
	if s.policy.PublishAhead < s.policy.Window() {
		t.Fatalf("PublishAhead is %s, less than Window, %s", s.policy.PublishAhead, s.policy.Window())
	}
	valid := s.policy
	valid.PollInterval = time.Minute
	if err := valid.Validate(); err != nil {
		t.Fatal(err)
	}
	if violation := s.run(t); violation != "" {
		t.Error(violation)
	}
}

// The simulation must be able to fail: with each of these faults it finds a violation.
func TestSimulationFindsPlantedFaults(t *testing.T) {
	for name, plant := range map[string]func(*simulation){
		"the publish window is 0": func(s *simulation) { s.policy.PublishAhead = 0 },
		"no compare-and-swap":     func(s *simulation) { s.wrap = func(store keys.Store) keys.Store { return forcing{store} } },
		"a tick that drops a key that is in use": func(s *simulation) {
			s.wrap = func(store keys.Store) keys.Store { return dropping{store} }
		},
		"keys are destroyed when they are deactivated": func(s *simulation) {
			s.policy.MaxLifetime = -s.policy.MaxAge - 4*s.policy.ClockSkew - s.policy.MaxRingAge()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := simulation{days: 200, quiet: 2 * day, policy: simulationPolicy()}
			plant(&s)
			violation := s.run(t)
			if violation == "" {
				t.Error("nothing was found")
			}
			t.Log(violation)
		})
	}
}

// forcing is a store without the compare-and-swap.
type forcing struct{ keys.Store }

func (f forcing) SwapRing(ctx context.Context, _ int64, next keys.Ring) error {
	for {
		v, err := f.RingVersion(ctx)
		if err != nil {
			return err
		}
		if err := f.Store.SwapRing(ctx, v.Version, next); !errors.Is(err, keys.ErrRaced) {
			return err
		}
	}
}

// dropping is a store that loses the row of the oldest key when a fifth signing key comes.
type dropping struct{ keys.Store }

func (d dropping) SwapRing(ctx context.Context, from int64, next keys.Ring) error {
	if len(next.Keys) > 6 {
		next.Keys = next.Keys[1:]
	}
	return d.Store.SwapRing(ctx, from, next)
}

// slow is a store that is some way off, so that the servers' steps overlap.
type slow struct {
	keys.Store
	random func(n int) int
}

func (s slow) travel() { time.Sleep(time.Duration(s.random(50)+1) * time.Millisecond) }

func (s slow) RingVersion(ctx context.Context) (keys.Version, error) {
	s.travel()
	return s.Store.RingVersion(ctx)
}

func (s slow) Ring(ctx context.Context) (keys.Ring, error) {
	s.travel()
	return s.Store.Ring(ctx)
}

func (s slow) SwapRing(ctx context.Context, from int64, next keys.Ring) error {
	s.travel()
	return s.Store.SwapRing(ctx, from, next)
}

// run returns the first violation, with the time of it.
func (s simulation) run(t *testing.T) (violation string) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, s, seed)
		defer w.stop()
		for violation == "" && time.Since(w.began) < time.Duration(s.days)*day {
			time.Sleep(time.Duration(w.intN(900)+1) * time.Second)
			w.act()
			violation = w.observe()
		}
		if violation != "" {
			violation = fmt.Sprintf("after %s: %s", time.Since(w.began), violation)
			return
		}
		t.Logf("%d rotations, %d at once, %d compromises, %d cancelled, %d restarts; %d keys signed; %d signatures verified",
			w.count["rotate"], w.count["now"], w.count["compromise"], w.count["cancel"], w.count["restart"], w.count["key"], w.count["verified"])
	})
	return violation
}

// A world is a running simulation.
type world struct {
	*house
	sim      simulation
	began    time.Time
	replicas [3]*replica
	count    map[string]int

	randomness sync.Mutex
	source     *rand.Rand

	rotateNext time.Time            // when the operator acts again
	inUseSince map[string]time.Time // zero for an algorithm out of use
	excused    time.Time            // until then verifiers may refuse, as the operator was told
	differs    map[string]time.Time // since when the replicas sign with different keys
	signed     map[string]signature // by kid, the last
	leaked     map[string]bool      // kids that were compromised
	promised   map[string]handOver  // by algorithm, the last that the operator was told
	failures   failures
}

// A replica is one server, and what verifiers may have fetched from it.
type replica struct {
	*keys.Manager
	end  func()    // stops it
	back time.Time // when it starts again; zero while it runs
	sets []served
}

// served is a JWK Set and the time for which it was seen.
type served struct {
	etag        string
	kids        map[string]bool
	first, last time.Time
}

// signature is when and for which algorithm a key signed.
type signature struct {
	algorithm string
	at        time.Time
}

// handOver is a key that is to sign no more after a time.
type handOver struct {
	from  string
	until time.Time
}

// failures keeps the last of what servers log as errors.
type failures struct {
	mu   sync.Mutex
	last string
}

func (f *failures) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

func (f *failures) Write(line []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = string(line)
	return len(line), nil
}

func newWorld(t *testing.T, s simulation, seed uint64) *world {
	w := &world{
		house: newHouse(t), sim: s, began: time.Now(), count: make(map[string]int), source: rand.New(rand.NewPCG(seed, 400)),
		inUseSince: make(map[string]time.Time), differs: make(map[string]time.Time), signed: make(map[string]signature), leaked: make(map[string]bool), promised: make(map[string]handOver),
	}
	w.policy = s.policy
	w.ask(keys.ES256)
	var starts sync.WaitGroup
	for i := range w.replicas {
		w.replicas[i] = &replica{}
		starts.Go(func() { w.start(w.replicas[i]) }) // All at the same moment, on an empty store.
	}
	starts.Wait()
	w.plan()
	return w
}

func (w *world) intN(n int) int {
	w.randomness.Lock()
	defer w.randomness.Unlock()
	return w.source.IntN(n)
}

// ask says which algorithms audiences ask for from now on.
func (w *world) ask(algorithms ...string) {
	for _, algorithm := range []string{keys.ES256, keys.EdDSA} {
		switch {
		case !slices.Contains(algorithms, algorithm):
			delete(w.inUseSince, algorithm)
			delete(w.promised, algorithm)
		case w.inUseSince[algorithm].IsZero():
			w.inUseSince[algorithm] = time.Now()
		}
	}
	w.use(algorithms...)
}

func (w *world) wrong() time.Duration {
	return time.Duration(w.intN(int(2*w.policy.ClockSkew))) - w.policy.ClockSkew
}

func (w *world) edit(o *keys.Options) {
	o.Store = slow{w.store, w.intN}
	if w.sim.wrap != nil {
		o.Store = w.sim.wrap(o.Store)
	}
	skewed(w.wrong())(o)
	o.Log = slog.New(slog.NewTextHandler(&w.failures, &slog.HandlerOptions{Level: slog.LevelError}))
}

func (w *world) start(r *replica) { r.Manager, r.end = w.run(w.edit) }

func (w *world) stop() {
	for _, r := range w.replicas {
		if r.back.IsZero() {
			r.end()
		}
	}
}

func (w *world) plan() {
	w.rotateNext = time.Now().Add(2*time.Hour + time.Duration(w.intN(int(w.sim.quiet))))
}

// act lets happen what happens by chance.
func (w *world) act() {
	now := time.Now()
	for _, r := range w.replicas {
		switch {
		case !r.back.IsZero() && now.After(r.back):
			r.back = time.Time{}
			w.start(r)
		case r.back.IsZero() && w.intN(1000) == 0:
			r.end()
			r.back = now.Add(time.Duration(w.intN(int(30 * time.Minute))))
			w.count["restart"]++
		}
	}
	switch elapsed := now.Sub(w.began) / day; {
	case elapsed >= 15 && elapsed < 20, elapsed >= 30 && elapsed < 31, elapsed >= 200 && elapsed < 320:
		w.ask(keys.ES256)
	case elapsed >= 10:
		w.ask(keys.ES256, keys.EdDSA)
	}
	if now.After(w.rotateNext) {
		w.plan()
		w.operate()
	}
}

// operate is a command that somebody runs, on a machine with a clock of its own.
func (w *world) operate() {
	ctx := context.Background()
	cli := w.open(w.edit, operator)
	algorithms := [][]string{nil, {keys.ES256}, {keys.MAC}}[w.intN(3)]
	switch n := w.intN(20); {
	case n == 0:
		w.count["now"]++
		plan, err := cli.Rotate(ctx, by, algorithms, keys.RotateOptions{Now: true})
		must(w.t, err)
		w.promise(plan)
		w.excuse()
	case n == 1:
		w.count["compromise"]++
		kid := kids(cli, keys.ES256, keys.Active)[0]
		must(w.t, cli.Compromise(ctx, by, kid))
		w.leaked[kid] = true
		delete(w.signed, kid)
		w.excuse()
	default:
		w.count["rotate"]++
		plan, err := cli.Rotate(ctx, by, algorithms, keys.RotateOptions{})
		must(w.t, err)
		next := w.promise(plan)
		if n == 2 && cli.Cancel(ctx, by, next.Key) == nil {
			w.count["cancel"]++
			delete(w.promised, next.Algorithm)
		}
		if n > 6 { // Once more, as soon as the next spare is there.
			w.rotateNext = next.At.Add(time.Duration(w.intN(int(12 * time.Minute))))
		}
	}
}

// promise notes what the operator was told, and returns the first hand-over of it.
func (w *world) promise(plan keys.Plan) (next keys.Step) {
	for _, step := range plan.Steps {
		switch step.State {
		case keys.Active:
			if next.Key == "" {
				next = step
			}
		case keys.Deactivated:
			at := step.At
			if time.Now().After(at) {
				at = time.Now()
			}
			w.promised[step.Algorithm] = handOver{step.Key, at.Add(2*w.policy.ClockSkew + w.policy.PollInterval + time.Minute)}
		}
	}
	return next
}

// excuse makes verifiers fetch anew after something that the operator was warned of.
func (w *world) excuse() {
	w.excused = time.Now().Add(w.policy.Window())
	w.rotateNext = w.excused.Add(time.Duration(w.intN(int(5 * day))))
}

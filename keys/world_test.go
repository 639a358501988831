package keys_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/keys"
)

// A simulation configures a world.
type simulation struct {
	days     int
	maxPause time.Duration // the longest time between two commands of the operator
	policy   keys.Policy
	wrap     func(keys.Store) keys.Store // nil for no change
}

// A world is a running simulation: three servers with one SQLite file. Each
// server has its own clock, which is wrong by up to two minutes. An operator
// rotates, cancels, compromises, and sometimes skips the waiting times. Servers
// restart at random.
type world struct {
	*fixture
	history
	simulation  simulation
	start       time.Time
	servers     [3]*server
	nextCommand time.Time      // when the operator runs the next command
	count       map[string]int // of operations, by name
	errorLog    errorLog

	randomMu sync.Mutex
	random   *rand.Rand
}

// A history is what has happened in a world, as far as the checks need it.
type history struct {
	inUseSince     map[string]time.Time // by algorithm in use
	mayRejectUntil time.Time            // until then verifiers may reject tokens, as a warning said
	differSince    map[string]time.Time // by algorithm, since when the servers' active keys differ
	signed         map[string]signature // by kid, the last signature
	compromised    map[string]bool      // by kid
	deadlines      map[string]deadline  // by algorithm, from the last plan
}

// A server is one server and the JWK Sets that verifiers may have cached.
type server struct {
	*keys.Manager
	stop      func()
	restartAt time.Time // zero while the server runs
	sets      []servedSet
}

func (s *server) runs() bool { return s.restartAt.IsZero() }

// A servedSet is a JWK Set and the last time at which it was served.
type servedSet struct {
	etag string
	kids map[string]bool
	last time.Time
}

// A signature is when and with which algorithm a key signed.
type signature struct {
	algorithm string
	at        time.Time
}

// A deadline is the time after which a key must not sign.
type deadline struct {
	kid string
	at  time.Time
}

// An errorLog keeps the last error that a server logged.
type errorLog struct {
	mu   sync.Mutex
	last string
}

func (l *errorLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

func (l *errorLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = string(line)
	return len(line), nil
}

func newWorld(t *testing.T, s simulation, seed uint64) *world {
	w := &world{
		fixture: newFixture(t), simulation: s, start: time.Now(),
		count: make(map[string]int), random: rand.New(rand.NewPCG(seed, 400)),
		history: history{
			inUseSince: make(map[string]time.Time), differSince: make(map[string]time.Time),
			signed: make(map[string]signature), compromised: make(map[string]bool),
			deadlines: make(map[string]deadline),
		},
	}
	w.policy = s.policy
	w.setAlgorithms(keys.ES256)

	var starts sync.WaitGroup
	for i := range w.servers {
		w.servers[i] = &server{}
		starts.Go(func() { w.startServer(w.servers[i]) }) // All start at the same time, with an empty store.
	}
	starts.Wait()
	w.scheduleCommand()
	return w
}

func (w *world) intN(n int) int {
	w.randomMu.Lock()
	defer w.randomMu.Unlock()
	return w.random.IntN(n)
}

// setAlgorithms sets the algorithms of the audiences.
func (w *world) setAlgorithms(algorithms ...string) {
	for _, algorithm := range []string{keys.ES256, keys.EdDSA} {
		switch {
		case !slices.Contains(algorithms, algorithm):
			delete(w.inUseSince, algorithm)
			delete(w.deadlines, algorithm)
		case w.inUseSince[algorithm].IsZero():
			w.inUseSince[algorithm] = time.Now()
		}
	}
	w.setInUse(algorithms...)
}

// setOptions sets a slow store, a wrong clock and the error log.
func (w *world) setOptions(o *keys.Options) {
	o.Store = slowStore{w.store, w.intN}
	if w.simulation.wrap != nil {
		o.Store = w.simulation.wrap(o.Store)
	}
	skewed(time.Duration(w.intN(int(2*w.policy.ClockSkew))) - w.policy.ClockSkew)(o)
	o.Log = slog.New(slog.NewTextHandler(&w.errorLog, &slog.HandlerOptions{Level: slog.LevelError}))
}

func (w *world) startServer(s *server) { s.Manager, s.stop = w.run(w.setOptions) }

// stop stops all servers.
func (w *world) stop() {
	for _, s := range w.servers {
		if s.runs() {
			s.stop()
		}
	}
}

// scheduleCommand sets the time of the operator's next command.
func (w *world) scheduleCommand() {
	w.nextCommand = time.Now().Add(2*time.Hour + time.Duration(w.intN(int(w.simulation.maxPause))))
}

// step starts and stops servers, changes the algorithms in use, and runs the
// operator's commands.
func (w *world) step() {
	now := time.Now()
	for _, s := range w.servers {
		switch {
		case !s.runs() && now.After(s.restartAt):
			s.restartAt = time.Time{}
			w.startServer(s)
		case s.runs() && w.intN(1000) == 0:
			s.stop()
			s.restartAt = now.Add(time.Duration(w.intN(int(30 * time.Minute))))
			w.count["restart"]++
		}
	}

	switch elapsed := now.Sub(w.start) / day; {
	case elapsed >= 15 && elapsed < 20, elapsed >= 30 && elapsed < 31, elapsed >= 200 && elapsed < 320:
		w.setAlgorithms(keys.ES256)
	case elapsed >= 10:
		w.setAlgorithms(keys.ES256, keys.EdDSA)
	}

	if now.After(w.nextCommand) {
		w.scheduleCommand()
		w.runCommand()
	}
}

// runCommand runs a random command on a machine with its own clock.
func (w *world) runCommand() {
	ctx := context.Background()
	command := w.open(w.setOptions, noMaintenance)
	operator := command.Operator()
	algorithms := [][]string{nil, {keys.ES256}, {keys.MAC}}[w.intN(3)]
	switch n := w.intN(20); {
	case n == 0:
		w.count["now"]++
		plan, err := operator.Rotate(ctx, by, algorithms, keys.RotateOptions{Now: true})
		must(w.t, err)
		w.setDeadlines(plan)
		w.allowRejections()
	case n == 1:
		w.count["compromise"]++
		kid := kids(command, keys.ES256, keys.Active)[0]
		must(w.t, operator.Compromise(ctx, by, kid))
		w.compromised[kid] = true
		delete(w.signed, kid)
		w.allowRejections()
	default:
		w.count["rotate"]++
		plan, err := operator.Rotate(ctx, by, algorithms, keys.RotateOptions{})
		must(w.t, err)
		next := w.setDeadlines(plan)
		if n == 2 && operator.Cancel(ctx, by, next.Key) == nil {
			w.count["cancel"]++
			delete(w.deadlines, next.Algorithm)
		}
		if n > 6 { // The next rotation follows as soon as there is a new spare.
			w.nextCommand = next.At.Add(time.Duration(w.intN(int(12 * time.Minute))))
		}
	}
}

// setDeadlines records when the plan deactivates keys. It returns the first
// activation.
func (w *world) setDeadlines(plan keys.Plan) (next keys.Step) {
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
			tolerance := 2*w.policy.ClockSkew + w.policy.PollInterval + time.Minute
			w.deadlines[step.Algorithm] = deadline{step.Key, at.Add(tolerance)}
		}
	}
	return next
}

// allowRejections allows verifiers to reject tokens until they have fetched the
// JWK Set again. The operator runs no command before.
func (w *world) allowRejections() {
	w.mayRejectUntil = time.Now().Add(w.policy.Window())
	w.nextCommand = w.mayRejectUntil.Add(time.Duration(w.intN(int(5 * day))))
}

// A slowStore is a store with latency, so that the servers' steps overlap.
type slowStore struct {
	keys.Store
	intN func(n int) int
}

func (s slowStore) wait() { time.Sleep(time.Duration(s.intN(50)+1) * time.Millisecond) }

func (s slowStore) RingVersion(ctx context.Context) (keys.Version, error) {
	s.wait()
	return s.Store.RingVersion(ctx)
}

func (s slowStore) Ring(ctx context.Context) (keys.Ring, error) {
	s.wait()
	return s.Store.Ring(ctx)
}

func (s slowStore) SwapRing(ctx context.Context, from int64, next keys.Ring, compromised []string) error {
	s.wait()
	return s.Store.SwapRing(ctx, from, next, compromised)
}

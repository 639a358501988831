package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/signetd/signet/internal/revocation"
)

const (
	// maxEntries is how many entries a Verifier keeps: about 110 MB. With
	// more, it counts the feed as unavailable.
	maxEntries = 1 << 22
	// maxAnswer is the maximum size of an answer: maxEntries in base64url.
	maxAnswer = maxEntries*revocation.EntrySize*4/3 + 1<<20
	// maxCommas is how many commas an answer may have, so that its segments
	// take little memory. An issuer keeps at most 3,000, of two members.
	maxCommas = 1 << 17
	// maxWait is how long a poll waits for news at most.
	maxWait = 2 * time.Second
	// minSilence is the shortest time for which nothing may arrive, beside
	// the wait, and loadSilence that of a poll for all entries.
	minSilence, loadSilence = 250 * time.Millisecond, 5 * time.Second
	// maxPoll is the time limit of a poll, however long its answer is.
	maxPoll = time.Minute
	// maxBackoff is the longest pause after a poll that failed, and
	// maxDelay the longest that an issuer can ask for.
	maxBackoff, maxDelay = 5 * time.Second, time.Minute
	// maxReplay is by how much the signed moment of a head may be older
	// than the bound of the policy. It allows for clocks that differ.
	maxReplay = 30 * time.Second
	// expireEvery is the pause between two removals of expired entries.
	expireEvery = time.Minute
)

// A feed keeps the revocations of the issuer.
type feed struct {
	transport *transport
	address   string
	issuer    string
	name      string
	keys      *keyStore
	// bound is the age from which the policy applies, and limit the largest
	// number of entries.
	bound  time.Duration
	limit  int
	leeway time.Duration
	now    func() time.Time // the wall clock
	log    *slog.Logger

	table   revocation.Table
	watches *watches
	// began is the origin of asOf, which is the moment at which all entries
	// that the issuer had then are in the table, in nanoseconds.
	began time.Time
	asOf  atomic.Int64
	// ready is closed when the table is up to date for the first time.
	ready          chan struct{}
	polls, failed  atomic.Uint64
	entries        atomic.Int64
	latestPosition atomic.Pointer[revocation.Position]
	lastFailure    atomic.Pointer[error]

	// Of the goroutine that polls:
	position  revocation.Position
	complete  bool // ready is closed
	reload    bool // the next poll asks for all entries
	loaded    bool // the last poll asked for all entries, and got them
	failures  int  // of the last polls, since the last one that succeeded
	expiredAt time.Time
	keysNamed map[string]bool // the kids of the current set that an entry names
}

func newFeed(
	t *transport, address string, keys *keyStore, issuer string, o Options, now func() time.Time,
) *feed {
	f := &feed{
		transport: t, address: address, keys: keys, issuer: issuer, name: o.Name,
		bound: o.Revocation.bound, limit: maxEntries, leeway: o.Leeway, now: now, log: o.Log,
		began: time.Now(), ready: make(chan struct{}), reload: true,
	}
	f.asOf.Store(math.MinInt64)
	f.latestPosition.Store(&revocation.Position{})
	return f
}

// age returns how old the knowledge of the feed is. ok is false before the
// first answer.
func (f *feed) age() (age time.Duration, ok bool) {
	asOf := f.asOf.Load()
	if asOf == math.MinInt64 {
		return math.MaxInt64, false
	}
	return time.Since(f.began) - time.Duration(asOf), true
}

// names reports whether an entry is about the key with this kid.
func (f *feed) names(kid string) bool {
	_, ok := f.table.Get(revocation.Key.Hash(kid))
	return ok
}

// run polls the feed until ctx ends.
func (f *feed) run(ctx context.Context) {
	var lost time.Time
	for ctx.Err() == nil {
		sent := time.Now()
		pause, err := f.poll(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			f.failed.Add(1)
			f.lastFailure.Store(&err)
			f.transport.close() // a connection may be dead
			if f.failures++; f.failures == 1 {
				lost = sent
				f.log.Warn("the feed of revocations cannot be read", "error", err)
			}
			pause = max(pause, f.backoff())
		case f.failures > 0:
			f.log.Info("the feed of revocations is read again", "after", time.Since(lost).Round(time.Millisecond))
			f.failures = 0
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(pause, minPause-time.Since(sent))):
		}
	}
}

// minPause is the shortest time between the starts of two polls.
const minPause = 20 * time.Millisecond

// backoff returns the pause after a poll that failed.
func (f *feed) backoff() time.Duration {
	return jitter(min(f.bound/4, maxBackoff, 50*time.Millisecond<<min(f.failures, 10)))
}

// poll sends one poll and merges the answer. It returns the pause that the
// issuer asks for.
func (f *feed) poll(ctx context.Context) (pause time.Duration, err error) {
	f.polls.Add(1)
	wait := min(maxWait, f.bound/3)
	if f.failures > 0 || f.loaded {
		wait = 0 // the answer confirms what is known, and must come at once
	}
	silence := max(min(f.bound/4, maxBackoff), minSilence) + wait
	if f.reload {
		f.position, wait, silence = revocation.Position{}, 0, loadSilence
	}
	ctx, cancel := context.WithTimeout(ctx, maxPoll)
	defer cancel()

	header := http.Header{"Accept": {"application/json"}}
	f.transport.authenticate(header)
	sent := time.Now()
	r, err := f.transport.get(ctx, f.url(wait), header, maxAnswer, silence)
	took := time.Since(sent)
	if err != nil {
		return 0, err
	}
	if r.status != http.StatusOK {
		seconds, _ := strconv.ParseUint(r.header.Get("Retry-After"), 10, 16)
		return min(time.Duration(seconds)*time.Second, maxBackoff), errStatus(r.status)
	}

	a, err := decodeAnswer(r.body)
	if err != nil {
		return 0, err
	}
	held, age, delay := milliseconds(a.HeldMS), milliseconds(a.AgeMS), milliseconds(a.DelayMS)
	added, err := f.merge(a.Segments)
	if err != nil {
		// The entries of a head that is too old are complete.
		f.reload = errors.Is(err, errSegment) || f.reload && !errors.Is(err, errTooOld)
		return min(delay, maxDelay), err
	}
	f.reload, f.loaded = false, f.reload
	f.confirm(sent.Add(min(held, took) - age))
	if !added && delay == 0 && held < wait/2 {
		delay = minPause * 5 // the issuer does not hold polls, for example because it drains
	}
	return min(delay, maxDelay), nil
}

// decodeAnswer decodes the answer to a poll.
func decodeAnswer(body []byte) (a revocation.Answer, err error) {
	if bytes.Count(body, []byte{','}) > maxCommas {
		return a, errors.New("the answer has too many segments")
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return a, errors.New("the answer is malformed")
	}
	return a, nil
}

// url returns the address of a poll.
func (f *feed) url(wait time.Duration) string {
	query := url.Values{
		"after": {f.position.String()},
		"wait":  {wait.Truncate(time.Millisecond).String()},
	}
	if f.name != "" {
		query.Set("name", f.name)
	}
	if etag := f.keys.current.Load().etag; validETag.MatchString(etag) {
		query.Set("keys", etag)
	}
	separator := "?"
	if u, err := url.Parse(f.address); err == nil && u.RawQuery != "" {
		separator = "&"
	}
	return f.address + separator + query.Encode()
}

// validETag matches the ETags that the issuer accepts. A proxy may have made
// others.
var validETag = regexp.MustCompile(`^(W/)?"[!#-~]{0,120}"$`)

// errTooOld is the error for an answer that may be an old one again.
var errTooOld = errors.New("the head is too old, or the clocks differ")

// milliseconds returns a duration of an answer: at most a day, and not less
// than zero, whatever the issuer says.
func milliseconds(ms int64) time.Duration {
	return time.Duration(min(max(ms, 0), 24*time.Hour.Milliseconds())) * time.Millisecond
}

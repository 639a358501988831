package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signetd/signet/internal/revocation"
)

const (
	// maxJWKSet is the maximum size of a JWK Set.
	maxJWKSet = 1 << 20
	// fetchTimeout is the time limit of one fetch of the JWK Set.
	fetchTimeout = 10 * time.Second
	// fetchFloor is the shortest time between the starts of two fetches.
	fetchFloor = time.Second
	// unknownFloor is the shortest time between two fetches because of an
	// unknown kid.
	unknownFloor = 10 * time.Second
	// unknownWait is how long a token with an unknown kid waits for a
	// fetch.
	unknownWait = 2 * time.Second
	// maxKeysAge is how long a JWK Set is used if the issuer does not
	// confirm it.
	maxKeysAge = 24 * time.Hour
	// defaultMaxAge is the max-age of a set without one, and maxMaxAge the
	// longest that is kept.
	defaultMaxAge, maxMaxAge = 5 * time.Minute, 24 * time.Hour
	// maxRetry is the longest pause between attempts to fetch the set.
	maxRetry = 30 * time.Second
)

// A keySet is the JWK Set of the issuer. It is immutable.
type keySet struct {
	keys map[string]publicKey
	etag string
	// confirmed is when the request was sent whose response was this set.
	confirmed time.Time
	// due is when the set must be fetched again.
	due time.Time
}

// keyStore keeps the JWK Set of the issuer.
type keyStore struct {
	transport *transport
	address   string
	log       *slog.Logger
	tasks     *tasks

	// current is never nil after load succeeded.
	current atomic.Pointer[keySet]

	mu        sync.Mutex
	fetching  chan struct{} // is closed when the fetch in progress ends; else nil
	started   time.Time     // of the last fetch
	unknownAt time.Time     // of the last fetch because of an unknown kid
	failure   error         // of the last fetch
	wanted    string        // the ETag of the last head that differed from that of the set
	pause     time.Duration // before the next fetch because of wanted

	fetches, failures atomic.Uint64
}

func newKeyStore(t *transport, address string, log *slog.Logger, tasks *tasks) *keyStore {
	return &keyStore{transport: t, address: address, log: log, tasks: tasks}
}

// load fetches the first set.
func (k *keyStore) load(ctx context.Context) error {
	set, err := k.fetch(ctx, nil, false)
	if err == nil {
		k.current.Store(set)
	}
	return err
}

// run keeps the set up to date until the tasks end.
func (k *keyStore) run() {
	retry := fetchFloor
	for {
		pause := time.Until(k.current.Load().due)
		if pause <= 0 {
			if done := k.refresh(0, false); done != nil {
				<-done
			}
			if pause = time.Until(k.current.Load().due); pause > 0 {
				retry = fetchFloor
			} else {
				pause, retry = jitter(retry), min(2*retry, maxRetry)
			}
		}
		select {
		case <-k.tasks.ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// refresh starts a fetch, unless the last one started less than floor ago. It
// returns a channel that is closed when the fetch ends. Concurrent callers
// share one fetch. It returns nil if none was started.
func (k *keyStore) refresh(floor time.Duration, noCache bool) <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.refreshLocked(floor, noCache)
}

func (k *keyStore) refreshLocked(floor time.Duration, noCache bool) <-chan struct{} {
	switch {
	case k.fetching != nil:
		return k.fetching
	case time.Since(k.started) < floor:
		return nil
	}
	done := make(chan struct{})
	if !k.tasks.start(func() { k.update(done, noCache) }) {
		return nil
	}
	k.fetching, k.started = done, time.Now()
	return done
}

// update fetches the set and closes done.
func (k *keyStore) update(done chan struct{}, noCache bool) {
	defer close(done)
	set, err := k.fetch(k.tasks.ctx, k.current.Load(), noCache)
	if err == nil {
		k.current.Store(set)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.report(err)
	k.fetching, k.failure = nil, err
}

// report logs the first of several failures, and that they have ended.
func (k *keyStore) report(err error) {
	switch {
	case k.tasks.ctx.Err() != nil:
	case err != nil && k.failure == nil:
		k.log.Warn("the JWK Set cannot be fetched", "error", err)
	case err == nil && k.failure != nil:
		k.log.Info("the JWK Set was fetched again")
	}
}

// fetch returns the set of the issuer. If it is the same as old, the keys of
// old stay.
func (k *keyStore) fetch(ctx context.Context, old *keySet, noCache bool) (set *keySet, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	k.fetches.Add(1)
	defer func() {
		if err != nil {
			k.failures.Add(1)
			err = fmt.Errorf("fetch %s: %w", k.address, err)
		}
	}()

	header := http.Header{"Accept": {"application/json"}}
	if old != nil && old.etag != "" {
		header.Set("If-None-Match", old.etag)
	}
	if noCache {
		header.Set("Cache-Control", "no-cache")
	}
	sent := time.Now()
	r, err := k.transport.get(ctx, k.address, header, maxJWKSet, fetchTimeout)
	if err != nil {
		return nil, err
	}
	set = &keySet{etag: r.header.Get("Etag"), confirmed: sent}
	set.due = sent.Add(nextFetch(maxAge(r.header)))
	switch {
	case r.status == http.StatusNotModified && old != nil && old.etag != "":
		set.keys, set.etag = old.keys, old.etag
		return set, nil
	case r.status != http.StatusOK:
		return nil, errStatus(r.status)
	}

	keys, skipped, err := parseJWKSet(r.body)
	if err != nil {
		return nil, err
	}
	for _, reason := range skipped {
		k.log.Warn("a key of the issuer is not used", "error", reason)
	}
	set.keys = keys
	return set, nil
}

// maxAge returns for how long a response may be cached (RFC 9111 §5.2.2.1).
func maxAge(header http.Header) time.Duration {
	for directive := range strings.SplitSeq(header.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if !strings.EqualFold(name, "max-age") {
			continue
		}
		if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
			return min(time.Duration(seconds)*time.Second, maxMaxAge)
		}
	}
	return defaultMaxAge
}

// nextFetch returns when a set with this max-age is fetched again: after 3/4 of
// it, give or take 10 %, so that many verifiers do not fetch together.
func nextFetch(maxAge time.Duration) time.Duration {
	return max(fetchFloor, time.Duration(float64(maxAge)*0.75*(0.9+0.2*rand.Float64())))
}

// jitter returns between a half of d and d.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// want fetches the set again if its ETag is one of other keys. If that does not
// help, the pauses become longer: perhaps a cache has no ETags.
func (k *keyStore) want(etag string) {
	if etag == "" || revocation.SameKeys(etag, k.current.Load().etag) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !revocation.SameKeys(etag, k.wanted) {
		k.wanted, k.pause = etag, fetchFloor
	}
	if k.fetching == nil && k.refreshLocked(k.pause, true) != nil {
		k.pause = min(2*k.pause, time.Minute)
	}
}

// errKeysTooOld is the error if the set is not used any more.
var errKeysTooOld = fmt.Errorf("%w: %w", ErrUnavailable,
	errors.New("the issuer has not confirmed its JWK Set for 24 hours"))

// usable returns the current set, or an error if it is too old.
func (k *keyStore) usable() (*keySet, error) {
	set := k.current.Load()
	if time.Since(set.confirmed) > maxKeysAge {
		return nil, errKeysTooOld
	}
	return set, nil
}

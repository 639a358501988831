package issuer

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

const (
	// reusePart is the part of its lifetime in which a token is reused: the
	// first tenth.
	reusePart = 10
	// maxCached is the maximum number of tokens in the cache. With its key a
	// token takes about 2 KiB, and 20 KiB at most.
	maxCached = 1024
	// maxEvicted is the number of entries that an insertion examines for
	// expired ones.
	maxEvicted = 8
)

// A cache holds the access tokens that this process may reuse, so that many
// instances of one client cost one signature. It holds only tokens in a
// client's own name: they are interchangeable, belong to no grant, and are not
// in the audit log. A token for a subject is never cached: the audit log has an
// event for each one, the jti distinguishes them, and it is only made if the
// subject is enabled at that time.
type cache struct {
	mu      sync.Mutex
	entries map[cacheKey]*cacheEntry
}

// A cacheKey holds everything in which tokens may differ, except jti, iat and
// exp.
type cacheKey struct {
	// version is the version of the clients and audiences. After any change of
	// them, no older token is reused.
	version int64
	kid     string
	// claims identifies the claims of the token and its lifetime.
	claims string
}

// newCacheKey returns the key of a token in a client's own name.
func newCacheKey(version int64, kid string, a token.Access) cacheKey {
	var b strings.Builder
	// Neither an identifier nor a scope has a space or a line break in it.
	for _, text := range []string{a.ClientID, strings.Join(a.Audience, " "), a.Scope.String()} {
		b.WriteString(text)
		b.WriteByte('\n')
	}
	b.WriteString(strconv.FormatInt(int64(a.ExpiresAt.Sub(a.IssuedAt)/time.Second), 10))
	return cacheKey{version: version, kid: kid, claims: b.String()}
}

// A cacheEntry is a token that may be reused.
type cacheEntry struct {
	access token.Access
	// made is when the entry was made, by the monotonic clock.
	made time.Time
	// done is closed when signed and err are the result.
	done   chan struct{}
	signed string
	err    error
}

// newCacheEntry returns an entry whose token is not signed yet. The caller that
// inserts it calls finish.
func newCacheEntry(a token.Access) *cacheEntry {
	return &cacheEntry{access: a, made: time.Now(), done: make(chan struct{})}
}

// finish sets the token of an entry, or the error that prevented it.
func (e *cacheEntry) finish(signed string, err error) {
	e.signed, e.err = signed, err
	close(e.done)
}

// wait returns the token when it has been signed. If ctx ends first, it returns
// temporarily_unavailable.
func (e *cacheEntry) wait(ctx context.Context) (string, error) {
	select {
	case <-e.done:
		return e.signed, e.err
	case <-ctx.Done():
		return "", oauth.Unavailable(ctx.Err())
	}
}

// get returns the entry of the key that may be reused, with cached true.
// Otherwise it inserts and returns fresh. It reads the clock under its lock, so
// that no entry is newer than the time it is compared with.
func (c *cache) get(key cacheKey, now func() time.Time, fresh *cacheEntry) (entry *cacheEntry, cached bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := now()
	if found := c.entries[key]; found != nil && found.reusable(at) {
		return found, true
	}
	c.evict(at)
	if c.entries == nil {
		c.entries = map[cacheKey]*cacheEntry{}
	}
	c.entries[key] = fresh
	return fresh, false
}

// evict examines a few entries. It removes those that may not be reused any
// more, and any one if the cache is full.
func (c *cache) evict(at time.Time) {
	examined := 0
	for key, entry := range c.entries {
		if examined++; examined > maxEvicted {
			return
		}
		if len(c.entries) >= maxCached || !entry.reusable(at) {
			delete(c.entries, key)
		}
	}
}

// remove removes an entry whose token could not be signed, or was revoked.
func (c *cache) remove(key cacheKey, entry *cacheEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[key] == entry {
		delete(c.entries, key)
	}
}

// reusable reports whether the token is in the part of its lifetime in which it
// is reused. The lifetime goes by the store's clock. If that is set back, the
// time that has passed by the monotonic clock counts.
func (e *cacheEntry) reusable(at time.Time) bool {
	issued, expires := e.access.IssuedAt, e.access.ExpiresAt
	age, part := at.Sub(issued), expires.Sub(issued)/reusePart
	return age >= 0 && age < part && time.Since(e.made) < part
}

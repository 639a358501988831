package grant

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

const (
	// unansweredTime is the shortest time that a key stays in the table, unless
	// the table is full. The longest time is twice as long.
	unansweredTime = 30 * time.Second
	// maxUnanswered is how many keys each half of the table holds at most. A
	// key takes about 150 bytes.
	maxUnanswered = 1 << 15
	// ownRetryWindow is the retry window of a key that the server has chosen:
	// longer than the key stays in the table after the rotation.
	ownRetryWindow = 5 * time.Minute
)

// unansweredKeys is the table of unanswered keys. The server chooses an
// idempotency key for each request without one. If it fails to answer such a
// request, the key goes into the table. The client's next request with the same
// refresh token, at this server and without a key, gets the key from the table.
// So the store sees a retry, even after the leeway.
//
// A request that gets a key takes it out of the table. The key goes back only
// if the server does not answer that request either. So the server answers one
// request at most. The next request with the same refresh token, from the
// client or a thief, is reuse as without the table.
type unansweredKeys struct {
	mu sync.Mutex
	// recent has the keys that were put since the time since, by the monotonic
	// clock. older has the keys of the unansweredTime before it.
	recent, older map[unansweredID]oauth.Digest
	since         time.Time
}

// An unansweredID identifies a refresh token of a client.
type unansweredID struct {
	grant      oauth.GrantID
	generation uint32
	clientID   string
}

// A rotationKey is the idempotency key of a request.
type rotationKey struct {
	hash oauth.Digest
	// own is true if the request has no key, and the server has chosen one.
	own bool
	// stays is true if the store may know the server's own key. Then the key
	// goes into the table of unanswered keys, unless this request is answered.
	stays bool
}

// key returns the key of a request. A request without an idempotency key gets
// the key of the request that it repeats, if the server failed to answer that
// request. Otherwise it gets a random key, which serves the server's own retry
// and matches no other request.
func (u *unansweredKeys) key(id unansweredID, idempotencyKey string) rotationKey {
	if idempotencyKey != "" {
		return rotationKey{hash: hashKey(idempotencyKey)}
	}
	if hash, ok := u.take(id); ok {
		return rotationKey{hash: hash, own: true, stays: true}
	}
	return rotationKey{hash: hashKey(rand.Text()), own: true}
}

// put inserts a key.
func (u *unansweredKeys) put(id unansweredID, key oauth.Digest) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.expire()
	if len(u.recent) >= maxUnanswered {
		u.next()
	}
	if u.recent == nil {
		u.recent = make(map[unansweredID]oauth.Digest)
	}
	u.recent[id] = key
}

// take removes a key and returns it. ok is false if the table does not have it.
func (u *unansweredKeys) take(id unansweredID) (key oauth.Digest, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.expire(); len(u.recent)+len(u.older) == 0 {
		return oauth.Digest{}, false
	}
	for _, keys := range []map[unansweredID]oauth.Digest{u.recent, u.older} {
		if key, ok = keys[id]; ok {
			delete(u.recent, id)
			delete(u.older, id)
			return key, true
		}
	}
	return oauth.Digest{}, false
}

// expire removes the keys that are too old. The caller holds u.mu.
func (u *unansweredKeys) expire() {
	age := time.Since(u.since)
	if age >= unansweredTime {
		u.next()
	}
	if age >= 2*unansweredTime {
		u.older = nil
	}
}

// next begins a new half of the table. The caller holds u.mu.
func (u *unansweredKeys) next() {
	u.older, u.recent, u.since = u.recent, nil, time.Now()
}

// hashKey returns the hash of an idempotency key for the store.
func hashKey(key string) oauth.Digest {
	sum := sha256.Sum256([]byte("signet idempotency key\x00" + key))
	return oauth.NewDigest(sum[:16])
}

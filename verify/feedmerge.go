package verify

import (
	"crypto"
	"errors"
	"fmt"
	"time"

	"github.com/signetd/signet/internal/revocation"
)

// merge verifies segments and adds their entries to the table. It reports
// whether there were any.
func (f *feed) merge(segments []revocation.Segment) (added bool, err error) {
	if len(segments) == 0 {
		return false, refuseSegment("there is none")
	}
	var last revocation.Head
	for i, s := range segments {
		var entries int
		last, entries, err = f.mergeSegment(s, i == 0)
		added = added || entries > 0
		if err != nil {
			break
		}
	}
	if added {
		f.checkKeys()
	}
	if err != nil {
		return added, err
	}

	position := f.position
	f.latestPosition.Store(&position)
	f.expire(last, f.expiredAt)
	f.keys.want(last.Keys)
	oldest := f.now().Add(-f.bound - maxReplay)
	if at := time.UnixMilli(last.At); at.Before(oldest) {
		return added, fmt.Errorf("%w: it is of %s", errTooOld, at.UTC().Format(time.RFC3339))
	}
	return added, nil
}

// mergeSegment verifies a segment and adds its entries to the table. first is
// true for the first segment of an answer.
func (f *feed) mergeSegment(s revocation.Segment, first bool) (h revocation.Head, entries int, err error) {
	unknown := false
	h, list, err := readSegment(s, f.issuer, func(kid string) (string, crypto.PublicKey, bool) {
		k, ok := f.keys.current.Load().keys[kid]
		unknown = !ok
		_, named := f.table.Get(k.hash)
		return k.algorithm, k.key, ok && !named
	})
	if unknown {
		f.keys.refresh(fetchFloor, true)
		return h, 0, errors.New("the head is signed with an unknown key")
	}
	if err != nil {
		return h, 0, err
	}

	position, err := follow(f.position, h, first)
	if err != nil {
		return h, 0, err
	}
	if err := f.add(h, list); err != nil {
		return h, 0, err
	}
	f.position = position
	return h, len(list), nil
}

// add adds the entries of a segment to the table, unless it would have too many
// then: a verifier that ran out of memory would verify nothing.
func (f *feed) add(h revocation.Head, entries []revocation.Entry) error {
	if f.table.Len()+f.missing(entries) > f.limit {
		f.expire(h, time.Time{})
		if f.table.Len()+f.missing(entries) > f.limit {
			return fmt.Errorf("there are more than %d revocations", f.limit)
		}
	}
	f.table.Merge(entries)
	f.entries.Store(int64(f.table.Len()))
	f.watches.merged(entries)
	return nil
}

// missing returns how many of the entries have a hash that the table lacks.
func (f *feed) missing(entries []revocation.Entry) int {
	n := 0
	for _, e := range entries {
		if _, ok := f.table.Get(e.Hash); !ok {
			n++
		}
	}
	return n
}

// expire removes entries that refuse no token any more, unless it did so less
// than a minute ago. A token can be valid for the Leeway longer.
func (f *feed) expire(h revocation.Head, last time.Time) {
	if time.Since(last) < expireEvery {
		return
	}
	f.expiredAt = time.Now()
	// The clock that is behind counts.
	now := min(time.UnixMilli(h.At).UnixMicro(), f.now().UnixMicro())
	f.table.Expire(now - h.Keep*time.Second.Microseconds() - f.leeway.Microseconds())
	f.entries.Store(int64(f.table.Len()))
}

// checkKeys fetches the JWK Set if an entry names a key of it for the first
// time.
func (f *feed) checkKeys() {
	named := map[string]bool{}
	for kid, k := range f.keys.current.Load().keys {
		if _, ok := f.table.Get(k.hash); !ok {
			continue
		}
		if named[kid] = true; !f.keysNamed[kid] {
			f.log.Warn("a key of the issuer is revoked", "kid", kid)
			f.keys.refresh(fetchFloor, true)
		}
	}
	f.keysNamed = named
}

// confirm records that the table has all entries up to a moment.
func (f *feed) confirm(moment time.Time) {
	if asOf := int64(moment.Sub(f.began)); asOf > f.asOf.Load() {
		f.asOf.Store(asOf)
		f.watches.confirmed(moment)
	}
	if !f.complete && time.Since(moment) <= f.bound {
		f.complete = true
		close(f.ready)
	}
}

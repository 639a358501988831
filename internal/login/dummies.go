package login

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"

	"github.com/signetd/signet/internal/password"
)

// dummies chooses the hash with which the password of a user name is compared
// if the name has no hash of its own: there is no such user, or the user has no
// password.
//
// An unknown name must take as long as a known one. The stored hashes do not
// all take as long as a new one, because the parameters were raised or because
// users were imported. So each unknown name stands for one user of a sample,
// and costs what the hash of that user costs. Each cost is as frequent among
// unknown names as among known ones, and the cost of an unknown name changes
// only as that of a user does.
type dummies struct{ sample atomic.Pointer[[]dummy] }

// A dummy is a hash that costs as much as the hash of a user, and that no
// password matches.
type dummy struct {
	// user is derived from the id of the user.
	user uint64
	hash string
}

// replace replaces the sample.
func (d *dummies) replace(stored []StoredHash, passwords *password.Hasher) {
	sample := make([]dummy, 0, len(stored))
	same := map[string]string{} // one copy of equal dummies
	for _, h := range stored {
		hash, ok := passwords.Dummy(h.PasswordHash)
		if !ok {
			continue // no password is set, or Verify would reject the hash
		}
		if same[hash] == "" {
			same[hash] = hash
		}
		sample = append(sample, dummy{user: number(h.UserID), hash: same[hash]})
	}
	d.sample.Store(&sample)
}

// of returns the hash for a user name. It is empty if the sample is empty.
//
// The user for whom the name stands is the one with the highest random number,
// of which the name and the id are the seed. So all servers choose the same
// user, and other users of the sample can come and go. A caller cannot compute
// which user it is: that needs the ids of all users of the sample.
func (d *dummies) of(name string) (hash string) {
	sample := d.sample.Load()
	if sample == nil {
		return ""
	}
	seed, highest := number(name), uint64(0)
	for _, c := range *sample {
		if n := rand.NewPCG(seed, c.user).Uint64(); n >= highest {
			highest, hash = n, c.hash
		}
	}
	return hash
}

// number returns 64 bits of the SHA-256 hash of text.
func number(text string) uint64 {
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint64(sum[:])
}

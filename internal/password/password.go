package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"
	"golang.org/x/text/unicode/norm"
)

// MaxLength is how long a password may be, in bytes as it arrives.
const MaxLength = 1024

var (
	// ErrTooLong is returned for a password longer than MaxLength, before anything is done with it.
	ErrTooLong = fmt.Errorf("the password has more than %d bytes", MaxLength)
	// ErrBusy is returned when no slot for a hash became free as long as the context allowed to wait.
	ErrBusy = errors.New("too many passwords are being hashed")
)

// Params are the costs of argon2id (RFC 9106 §3.1).
type Params struct {
	// Memory in KiB.
	Memory uint32
	// Iterations is the number of passes over the memory.
	Iterations uint32
	// Parallelism is the number of lanes.
	Parallelism uint8
}

// Floor is the least that new hashes may cost: 19 MiB, 2 passes, 1 lane.
var Floor = Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1}

// What new hashes are made of, in bytes.
const (
	saltSize = 16
	keySize  = 32
)

// A Hasher hashes and verifies passwords. It is safe for concurrent use.
type Hasher struct {
	params Params
	slots  *semaphore.Weighted
	// nobody is the hash that users who do not exist have. No password yields its key.
	nobody stored
	hashes atomic.Uint64
}

// New returns a Hasher that makes hashes with params and computes at most slots of them at once, each taking params.Memory;
// 0 slots means one per CPU. Parameters below Floor are refused, and those that Verify would refuse too.
func New(params Params, slots int) (*Hasher, error) {
	if params.below(Floor) {
		return nil, fmt.Errorf("argon2id with %s is weaker than %s", params, Floor)
	}
	return newHasher(params, slots)
}

func newHasher(params Params, slots int) (*Hasher, error) {
	if err := params.check(); err != nil {
		return nil, err
	}
	if slots < 0 {
		return nil, fmt.Errorf("%d hashes at once is less than none", slots)
	}
	if slots == 0 {
		slots = runtime.GOMAXPROCS(0)
	}
	return &Hasher{
		params: params,
		slots:  semaphore.NewWeighted(int64(slots)),
		nobody: stored{params, random(saltSize), random(keySize)},
	}, nil
}

// Hash returns the PHC string of a password: $argon2id$v=19$m=…,t=…,p=…$salt$key. The password is taken in Unicode form
// NFKC, otherwise as it is: nothing is trimmed, no case is folded. It returns ErrTooLong and ErrBusy.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	s := stored{params: h.params, salt: random(saltSize)}
	key, err := h.derive(ctx, s, keySize, password)
	if err != nil {
		return "", err
	}
	s.key = key
	return s.String(), nil
}

// Verify says whether password is the one that phc was made from and, if it is, whether it should be hashed anew because
// the hash is weaker than those that Hash makes. It computes exactly one hash; an empty phc, for a user who does not exist,
// costs one with the present parameters and is never right. It returns ErrTooLong, ErrBusy, and an error without computing
// anything if phc is malformed or asks for more than 256 MiB, 10 passes or 16 lanes.
func (h *Hasher) Verify(ctx context.Context, phc, password string) (ok, rehash bool, err error) {
	s := h.nobody
	if phc != "" {
		if s, err = parse(phc); err != nil {
			return false, false, err
		}
	}
	key, err := h.derive(ctx, s, len(s.key), password)
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(key, s.key) == 1 && phc != ""
	weak := s.params.below(h.params) || len(s.salt) < saltSize || len(s.key) < keySize
	return ok, ok && weak, nil
}

// Hashes returns how many hashes have been computed.
func (h *Hasher) Hashes() uint64 { return h.hashes.Load() }

// derive computes one hash, in a slot of its own.
func (h *Hasher) derive(ctx context.Context, s stored, size int, password string) ([]byte, error) {
	if len(password) > MaxLength {
		return nil, ErrTooLong
	}
	if err := h.slots.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBusy, err)
	}
	defer h.slots.Release(1)
	h.hashes.Add(1)
	p := s.params
	return argon2.IDKey(norm.NFKC.Bytes([]byte(password)), s.salt, p.Iterations, p.Memory, p.Parallelism, uint32(size)), nil
}

func random(size int) []byte {
	b := make([]byte, size)
	rand.Read(b) // never fails (crypto/rand)
	return b
}

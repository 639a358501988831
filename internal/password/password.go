package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"runtime"

	"golang.org/x/text/unicode/norm"
)

// MaxLength is how long a password may be, in bytes as it arrives.
const MaxLength = 1024

// ErrTooLong is returned for a password longer than MaxLength, before anything is done with it.
var ErrTooLong = fmt.Errorf("the password has more than %d bytes", MaxLength)

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
	params  Params
	budget  *budget
	compute func(task) (finding, error)
	close   func()
	// nobody is the hash that users who do not exist have. No password yields its key.
	nobody stored
}

// New returns a Hasher that makes hashes with params, and computes only so many at once that together they take no more than
// so many bytes; 0 bytes means half of MachineMemory. So that other work goes on beside them, they keep one CPU less busy
// than there are. Parameters below Floor are refused, those that Verify would refuse too, and a budget that one hash exceeds.
func New(params Params, bytes int64) (*Hasher, error) {
	if params.below(Floor) {
		return nil, fmt.Errorf("argon2id with %s is weaker than %s", params, Floor)
	}
	if bytes == 0 {
		bytes = MachineMemory() / 2
	}
	return newHasher(params, bytes, runtime.GOMAXPROCS(0)-1)
}

func newHasher(params Params, bytes int64, cpus int) (*Hasher, error) {
	if err := params.check(); err != nil {
		return nil, err
	}
	b, err := newBudget(bytes, int64(cpus), params)
	if err != nil {
		return nil, err
	}
	return &Hasher{
		params: params, budget: b, compute: task.compute, close: func() {}, nobody: stored{params, random(saltSize), random(keySize)},
	}, nil
}

// Close ends the processes that hash, if there are any. Those of hashes under way end with them.
func (h *Hasher) Close() { h.close() }

// Admit gives a place to a caller who will want a password hashed or verified, or returns a *Busy error if that could not be
// done before the context's deadline. It costs nothing, so it comes before all that does. The place is given back with leave.
func (h *Hasher) Admit(ctx context.Context) (leave func(), err error) { return h.budget.admit(ctx) }

// Hash returns the PHC string of a password: $argon2id$v=19$m=…,t=…,p=…$salt$key. The password is taken in Unicode form
// NFKC, otherwise as it is: nothing is trimmed, no case is folded. It returns ErrTooLong and *Busy.
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
// the hash is weaker than those that Hash makes, or another program's. It computes exactly one hash; an empty phc, for a user
// who does not exist, costs one with the present parameters and is never right. It returns ErrTooLong, *Busy, and what Check
// says of phc.
func (h *Hasher) Verify(ctx context.Context, phc, password string) (ok, rehash bool, err error) {
	s := h.nobody
	if phc != "" {
		if f, known, err := parseForeign(phc); err != nil {
			return false, false, err
		} else if known {
			return h.verifyForeign(ctx, f.weight, phc, password)
		}
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

func (h *Hasher) verifyForeign(ctx context.Context, w weight, phc, password string) (ok, rehash bool, err error) {
	if len(password) > MaxLength {
		return false, false, ErrTooLong
	}
	f, err := h.spend(ctx, w, task{Foreign: phc, Password: []byte(password)})
	return f.Match, f.Match, err
}

// Check returns a Flaw if Verify would compute nothing for phc, because it is malformed or asks for too much: argon2id more
// than 256 MiB, 10 passes or 16 lanes; bcrypt a cost beyond 14; scrypt more than 256 MiB or 1 GiB of work; pbkdf2 more than
// 2,000,000 rounds; or anything more than the budget.
func (h *Hasher) Check(phc string) error {
	f, known, err := parseForeign(phc)
	if !known {
		var s stored
		s, err = parse(phc)
		f.weight = s.params.weight()
	}
	if err == nil && f.weight.bytes > h.budget.bytes {
		err = errBudget
	}
	return err
}

// Hashes returns how many hashes have been computed.
func (h *Hasher) Hashes() uint64 { return h.Stats().Hashes }

// Stats returns what the Hasher does now, and what it has done.
func (h *Hasher) Stats() Stats { return h.budget.stats() }

// derive computes the key of an argon2id hash.
func (h *Hasher) derive(ctx context.Context, s stored, size int, password string) (key []byte, err error) {
	if len(password) > MaxLength {
		return nil, ErrTooLong
	}
	f, err := h.spend(ctx, s.params.weight(), task{
		Params: s.params, Salt: s.salt, Size: size, Password: norm.NFKC.Bytes([]byte(password)),
	})
	return f.Key, err
}

// spend computes one hash when its turn has come.
func (h *Hasher) spend(ctx context.Context, w weight, t task) (f finding, err error) {
	if w.bytes > h.budget.bytes {
		return f, errBudget
	}
	err = h.budget.spend(ctx, w, func() (err error) {
		f, err = h.compute(t)
		return err
	})
	return f, err
}

func random(size int) []byte {
	b := make([]byte, size)
	rand.Read(b) // never fails (crypto/rand)
	return b
}

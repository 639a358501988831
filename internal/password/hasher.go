package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"runtime"

	"golang.org/x/text/unicode/norm"
)

// These constants are the sizes of a new salt and key in bytes.
const (
	saltSize = 16
	keySize  = 32
)

// Options are the settings of a Hasher.
type Options struct {
	// Params are the cost of a new hash. The composition root sets them from
	// password.memory, password.iterations and password.parallelism. There is
	// no default: New rejects zero values.
	Params Params
	// MinParams are the lowest Params that New accepts. Only tests set them, so
	// that their hashes are inexpensive. No configuration key sets them. The
	// zero value means the safe minimum, which is the result of the function
	// MinParams.
	MinParams Params
	// MemoryBudget is the memory in bytes that concurrent hashes may take
	// together. The composition root sets it from password.memory_budget. Zero
	// means half of MemoryLimit.
	MemoryBudget int64
}

// A Hasher hashes and verifies passwords. It is safe for concurrent use.
type Hasher struct {
	params  Params
	budget  *budget
	compute func(job) (result, error)
	close   func()
	// dummy is the hash that Verify uses for a user who does not exist. Its key
	// is random, so no known password yields it.
	dummy argon2Hash
}

// New returns a Hasher that computes hashes in this process.
//
// Concurrent hashes stay within the memory budget. They also use one CPU less
// than there are, so that other requests are still served. With a single CPU
// they share it.
//
// New returns an error if the parameters are below the minimum, if Verify would
// reject them, or if the budget is less than the memory of one hash.
func New(o Options) (*Hasher, error) { return newHasher(o, runtime.GOMAXPROCS(0)-1) }

// newHasher is New with the number of CPUs.
func newHasher(o Options, cpus int) (*Hasher, error) {
	if o.MinParams == (Params{}) {
		o.MinParams = MinParams()
	}
	if o.MemoryBudget == 0 {
		o.MemoryBudget = MemoryLimit() / 2
	}

	if o.Params.below(o.MinParams) {
		return nil, fmt.Errorf("argon2id parameters %s are below the minimum %s", o.Params, o.MinParams)
	}
	if err := o.Params.check(); err != nil {
		return nil, err
	}
	b, err := newBudget(o.MemoryBudget, int64(cpus), o.Params)
	if err != nil {
		return nil, err
	}

	return &Hasher{
		params: o.Params, budget: b, compute: job.compute, close: func() {},
		dummy: argon2Hash{o.Params, random(saltSize), random(keySize)},
	}, nil
}

// Close stops the worker processes of UseWorkers. A worker that is computing a
// hash stops after it.
func (h *Hasher) Close() { h.close() }

// Reserve reserves a place in the queue for a caller that will hash or verify a
// password, with the context that it returns. Clients take turns, and so do the
// addresses of one client.
//
// Reserve returns *BusyError if the queue is full, if the hash would wait
// longer than 3 s, or if it would not be ready before the deadline of ctx. If
// the queue is full later, and the hash has not begun, the queue may refuse it
// for another caller: then the context that Reserve returned ends, and the
// cause is *BusyError.
//
// Reserve does no expensive work, so a caller uses it before any other step.
// The caller must call release at the end.
func (h *Hasher) Reserve(ctx context.Context, c Caller) (reserved context.Context, release func(), err error) {
	return h.budget.reserve(ctx, c)
}

// Hash returns the PHC string of a password:
// $argon2id$v=19$m=…,t=…,p=…$salt$key.
//
// It converts the password to Unicode form NFKC. It does not trim spaces or
// fold case. It returns ErrTooLong, *BusyError, or an error of the computation.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	a := argon2Hash{params: h.params, salt: random(saltSize)}
	key, err := h.derive(ctx, a, keySize, password)
	if err != nil {
		return "", err
	}
	a.key = key
	return a.String(), nil
}

// Verify reports whether password matches the password hash phc. If it matches,
// rehash reports whether the caller should store a new hash. This is so if phc
// is weaker than a new hash, or was made by another program.
//
// Verify computes exactly one hash. An empty phc stands for a user who does not
// exist: it costs one hash with the current parameters and never matches.
//
// Verify returns ErrTooLong, *BusyError, the InputError of Check, or an error
// of the computation.
func (h *Hasher) Verify(ctx context.Context, phc, password string) (ok, rehash bool, err error) {
	a := h.dummy
	switch {
	case phc == "":
	case isNative(phc):
		if a, err = parseNative(phc); err != nil {
			return false, false, err
		}
	default:
		imported, err := parseImported(phc)
		if err != nil {
			return false, false, err
		}
		return h.verifyImported(ctx, imported.need, phc, password)
	}

	key, err := h.derive(ctx, a, len(a.key), password)
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(key, a.key) == 1 && phc != ""
	weak := a.params.below(h.params) || len(a.salt) < saltSize || len(a.key) < keySize
	return ok, ok && weak, nil
}

// verifyImported is Verify for a hash that another program made.
func (h *Hasher) verifyImported(
	ctx context.Context, need resources, phc, password string,
) (ok, rehash bool, err error) {
	if len(password) > MaxLength {
		return false, false, ErrTooLong
	}
	r, err := h.run(ctx, need, job{Imported: phc, Password: []byte(password)})
	return r.Match, r.Match, err
}

// Check returns an InputError if Verify would reject phc without computing a
// hash.
//
// Verify rejects a hash of another format than those of Formats, a malformed
// hash, one that exceeds the limits of its format, and one that needs more
// memory than the memory budget.
func (h *Hasher) Check(phc string) error {
	var need resources
	if isNative(phc) {
		a, err := parseNative(phc)
		if err != nil {
			return err
		}
		need = a.params.need()
	} else {
		imported, err := parseImported(phc)
		if err != nil {
			return err
		}
		need = imported.need
	}

	if need.bytes > h.budget.total.bytes {
		return errBudget
	}
	return nil
}

// Stats returns the current metrics.
func (h *Hasher) Stats() Stats { return h.budget.stats() }

// derive computes the key of an argon2id hash.
func (h *Hasher) derive(ctx context.Context, a argon2Hash, size int, password string) (key []byte, err error) {
	if len(password) > MaxLength {
		return nil, ErrTooLong
	}
	r, err := h.run(ctx, a.params.need(), job{
		Params: a.params, Salt: a.salt, Size: size, Password: norm.NFKC.Bytes([]byte(password)),
	})
	return r.Key, err
}

// run computes one job within the budget.
func (h *Hasher) run(ctx context.Context, need resources, j job) (r result, err error) {
	if need.bytes > h.budget.total.bytes {
		return r, errBudget
	}
	j.CPUs = need.cpus
	err = h.budget.run(ctx, need, func() (err error) {
		r, err = h.compute(j)
		return err
	})
	return r, err
}

// random returns random bytes.
func random(size int) []byte {
	b := make([]byte, size)
	rand.Read(b) // never fails (crypto/rand)
	return b
}

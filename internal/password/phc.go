package password

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// What a stored hash may ask for at most, so that no row of the database can take the machine down, and the sizes that salt
// and key may have.
const (
	maxMemory      = 256 << 10 // KiB
	maxIterations  = 10
	maxParallelism = 16

	minSalt, maxSalt = 8, 64
	minKey, maxKey   = 16, 64
)

// maxStored is how long a stored hash can be at most, in bytes.
const maxStored = 1 << 10

// They say no more than they must: what is stored is not for the log.
const (
	errFormat Flaw = "The password hash is malformed, or of no kind that is known."
	errCost   Flaw = "The password hash asks for more work than is done for any."
	errBudget Flaw = "The password hash asks for more memory than the budget has."
)

// check says whether argon2id can be run with the parameters, and within what limits we are ready to.
func (p Params) check() error {
	if p.Iterations < 1 || p.Parallelism < 1 || p.Memory < 8*uint32(p.Parallelism) {
		return fmt.Errorf("argon2id cannot run with %s", p)
	}
	if p.Memory > maxMemory || p.Iterations > maxIterations || p.Parallelism > maxParallelism {
		return fmt.Errorf("argon2id with %s is beyond m=%d,t=%d,p=%d", p, maxMemory, maxIterations, maxParallelism)
	}
	return nil
}

// below says whether one of the parameters is lower than its like in q.
func (p Params) below(q Params) bool {
	return p.Memory < q.Memory || p.Iterations < q.Iterations || p.Parallelism < q.Parallelism
}

// weight is what a hash with the parameters takes out of the budget.
func (p Params) weight() weight {
	return weight{bytes: int64(p.Memory) << 10, lanes: int64(p.Parallelism)}
}

// String returns the parameters as a PHC string spells them: m=19456,t=2,p=1.
func (p Params) String() string {
	return fmt.Sprintf("m=%d,t=%d,p=%d", p.Memory, p.Iterations, p.Parallelism)
}

// A stored hash, read.
type stored struct {
	params    Params
	salt, key []byte
}

// String returns the PHC string.
func (s stored) String() string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$%s$%s$%s", argon2.Version, s.params, encode(s.salt), encode(s.key))
}

// parse reads what stored.String wrote and nothing else: no other order, padding, sign or leading zero.
func parse(phc string) (stored, error) {
	fields := strings.Split(phc, "$")
	if len(fields) != 6 {
		return stored{}, errFormat
	}
	params, err := parseParams(fields[3])
	if err != nil {
		return stored{}, err
	}
	salt, errSalt := base64.RawStdEncoding.DecodeString(fields[4])
	key, errKey := base64.RawStdEncoding.DecodeString(fields[5])
	s := stored{params, salt, key}
	if errSalt != nil || errKey != nil || s.String() != phc {
		return stored{}, errFormat
	}
	if len(salt) < minSalt || len(salt) > maxSalt || len(key) < minKey || len(key) > maxKey {
		return stored{}, errFormat
	}
	if params.check() != nil {
		return stored{}, errCost
	}
	return s, nil
}

func parseParams(text string) (Params, error) {
	fields := strings.Split(text, ",")
	if len(fields) != 3 {
		return Params{}, errFormat
	}
	var numbers [3]uint64
	for i, prefix := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(fields[i], prefix)
		number, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil {
			return Params{}, errFormat
		}
		numbers[i] = number
	}
	// A parallelism beyond 8 bits is cut here, and so told by the comparison with what was read.
	return Params{Memory: uint32(numbers[0]), Iterations: uint32(numbers[1]), Parallelism: uint8(numbers[2])}, nil
}

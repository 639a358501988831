package password

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// These constants are the sizes that a stored salt and key can have, in bytes.
const (
	minSalt, maxSalt = 8, 64
	minKey, maxKey   = 16, 64
)

// maxStored is the maximum length of a stored password hash in bytes.
const maxStored = 1 << 10

// isNative reports whether phc is a hash of the algorithm of new hashes.
// parseArgon2 parses it.
func isNative(phc string) bool { return strings.HasPrefix(phc, "$argon2id$") }

// An argon2Hash is the content of an argon2id PHC string.
type argon2Hash struct {
	params    Params
	salt, key []byte
}

// String returns the PHC string.
func (h argon2Hash) String() string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$%s$%s$%s", argon2.Version, h.params, encode(h.salt), encode(h.key))
}

// parseArgon2 parses a PHC string. It accepts only the exact form that String
// writes: no other order, padding, sign or leading zero.
func parseArgon2(phc string) (argon2Hash, error) {
	fields := strings.Split(phc, "$")
	if len(fields) != 6 {
		return argon2Hash{}, errFormat
	}
	params, err := parseParams(fields[3])
	if err != nil {
		return argon2Hash{}, err
	}
	salt, errSalt := base64.RawStdEncoding.DecodeString(fields[4])
	key, errKey := base64.RawStdEncoding.DecodeString(fields[5])

	h := argon2Hash{params, salt, key}
	if errSalt != nil || errKey != nil || h.String() != phc {
		return argon2Hash{}, errFormat
	}
	if len(salt) < minSalt || len(salt) > maxSalt || len(key) < minKey || len(key) > maxKey {
		return argon2Hash{}, errFormat
	}
	if params.check() != nil {
		return argon2Hash{}, errCost
	}
	return h, nil
}

// parseParams parses m=…,t=…,p=….
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

	// The conversion truncates a parallelism of more than 8 bits. parseArgon2
	// detects this when it compares String with its input.
	return Params{Memory: uint32(numbers[0]), Iterations: uint32(numbers[1]), Parallelism: uint8(numbers[2])}, nil
}

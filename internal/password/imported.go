package password

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// These constants bound the cost of a hash that another program made. A hash at
// one of the bounds takes about a second of one CPU.
const (
	maxBcryptCost   = 14
	maxPBKDF2Rounds = 2_000_000
	// maxScryptWork bounds 128·N·r·p, the number of bytes that scrypt
	// processes. maxMemory bounds its memory, which is 128·N·r.
	maxScryptWork     = 1 << 30
	maxScryptParallel = 16
)

// smallHash are the resources of a hash that needs almost no memory: bcrypt and
// pbkdf2.
var smallHash = resources{bytes: 8 << 10, cpus: 1}

// An importedHash is a password hash that another program made.
//
// It is used for one login: that login replaces it by an argon2id hash. The
// password is not normalized, because the other programs do not normalize it.
type importedHash struct {
	need  resources
	match func(password []byte) bool
}

// importFormats maps an identifier to the parser of its format. The identifier
// stands between the first two dollar signs.
var importFormats = map[string]func(phc string, fields []string) (importedHash, error){
	"2a": parseBcrypt, "2b": parseBcrypt, "2y": parseBcrypt,
	"scrypt":          parseScrypt,
	"firebase-scrypt": parseFirebase,
	"pbkdf2-sha256":   func(_ string, fields []string) (importedHash, error) { return parsePBKDF2(sha256.New, fields) },
	"pbkdf2-sha512":   func(_ string, fields []string) (importedHash, error) { return parsePBKDF2(sha512.New, fields) },
}

// parseImported parses a hash that another program made. supported is false if
// importFormats does not contain the identifier.
func parseImported(phc string) (h importedHash, supported bool, err error) {
	fields := strings.Split(phc, "$")
	if len(phc) > maxStored || len(fields) < 3 || fields[0] != "" {
		return importedHash{}, false, nil
	}
	parse, supported := importFormats[fields[1]]
	if !supported {
		return importedHash{}, false, nil
	}
	h, err = parse(phc, fields[2:])
	return h, true, err
}

var bcryptForm = regexp.MustCompile(`^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$`)

// parseBcrypt parses $2b$12$ and 53 characters, which are the salt and the key
// in bcrypt's own alphabet. bcrypt uses only the first 72 bytes of a password.
func parseBcrypt(phc string, fields []string) (importedHash, error) {
	if !bcryptForm.MatchString(phc) {
		return importedHash{}, errFormat
	}
	if cost, _ := strconv.Atoi(fields[0]); cost < bcrypt.MinCost || cost > maxBcryptCost {
		return importedHash{}, errCost
	}

	return importedHash{need: smallHash, match: func(password []byte) bool {
		return bcrypt.CompareHashAndPassword([]byte(phc), password) == nil
	}}, nil
}

// parseScrypt parses $scrypt$ln=16,r=8,p=1$salt$key. N is 2^ln (RFC 7914).
func parseScrypt(_ string, fields []string) (importedHash, error) {
	if len(fields) != 3 {
		return importedHash{}, errFormat
	}
	numbers, ok := parseNumbers(fields[0], "ln", "r", "p")
	salt, errSalt := decode(fields[1], 1, maxSalt)
	want, errKey := decode(fields[2], minKey, maxKey)
	if !ok || errSalt != nil || errKey != nil {
		return importedHash{}, errFormat
	}

	ln, r, p := numbers[0], numbers[1], numbers[2]
	need, err := scryptNeed(ln, r, p)
	return importedHash{need: need, match: func(password []byte) bool {
		key, err := scrypt.Key(password, salt, 1<<ln, r, p, len(want))
		return err == nil && subtle.ConstantTimeCompare(key, want) == 1
	}}, err
}

// scryptNeed returns the resources of one scrypt hash, or errCost if the
// parameters exceed a limit.
func scryptNeed(ln, r, p int) (resources, error) {
	if ln < 1 || ln > 24 || r < 1 || r > 64 || p < 1 || p > maxScryptParallel {
		return resources{}, errCost
	}
	block := 128 * int64(r)
	if memory := block << ln; memory > maxMemory<<10 || memory*int64(p) > maxScryptWork {
		return resources{}, errCost
	}
	return resources{bytes: block<<ln + block*int64(p), cpus: 1}, nil
}

// parseFirebase parses $firebase-scrypt$ln=14,r=8$salt$separator$signer$key.
//
// The names are Firebase's, except that ln is its mem_cost and r its rounds.
// Firebase derives an AES key by scrypt from the password, with the salt and
// the separator as the salt. The hash is the project's signer key, encrypted by
// AES-256 in counter mode.
func parseFirebase(_ string, fields []string) (importedHash, error) {
	if len(fields) != 5 {
		return importedHash{}, errFormat
	}
	numbers, ok := parseNumbers(fields[0], "ln", "r")
	salt, err1 := decode(fields[1], 1, maxSalt)
	separator, err2 := decode(fields[2], 0, maxSalt)
	signer, err3 := decode(fields[3], minKey, maxKey)
	want, err4 := decode(fields[4], minKey, maxKey)
	if !ok || err1 != nil || err2 != nil || err3 != nil || err4 != nil || len(want) != len(signer) {
		return importedHash{}, errFormat
	}

	ln, r := numbers[0], numbers[1]
	need, err := scryptNeed(ln, r, 1)
	return importedHash{need: need, match: func(password []byte) bool {
		key, err := scrypt.Key(password, append(salt[:len(salt):len(salt)], separator...), 1<<ln, r, 1, 32)
		if err != nil {
			return false
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return false
		}
		got := make([]byte, len(signer))
		cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(got, signer)
		return subtle.ConstantTimeCompare(got, want) == 1
	}}, err
}

// parsePBKDF2 parses $pbkdf2-sha256$29000$salt$key, which is the form of
// passlib, and $pbkdf2-sha256$i=29000,l=32$salt$key, which is the PHC form. The
// PHC form may omit l.
func parsePBKDF2(digest func() hash.Hash, fields []string) (importedHash, error) {
	if len(fields) != 3 {
		return importedHash{}, errFormat
	}
	salt, errSalt := decode(fields[1], 1, maxSalt)
	want, errKey := decode(fields[2], minKey, maxKey)
	rounds, ok := parseRounds(fields[0], len(want))
	if !ok || errSalt != nil || errKey != nil {
		return importedHash{}, errFormat
	}
	if rounds < 1 || rounds > maxPBKDF2Rounds {
		return importedHash{}, errCost
	}

	return importedHash{need: smallHash, match: func(password []byte) bool {
		key, err := pbkdf2.Key(digest, string(password), salt, rounds, len(want))
		return err == nil && subtle.ConstantTimeCompare(key, want) == 1
	}}, nil
}

// parseRounds parses the parameters of a pbkdf2 hash with a key of size bytes.
func parseRounds(text string, size int) (rounds int, ok bool) {
	if n, ok := parseNumber(text); ok {
		return n, true
	}
	if n, ok := parseNumbers(text, "i"); ok {
		return n[0], true
	}
	n, ok := parseNumbers(text, "i", "l")
	return n[0], ok && n[1] == size
}

// parseNumbers parses name=number,… with exactly the given names in the given
// order. The result has as many numbers as names, also if ok is false.
func parseNumbers(text string, names ...string) (numbers []int, ok bool) {
	numbers = make([]int, len(names))
	fields := strings.Split(text, ",")
	if len(fields) != len(names) {
		return numbers, false
	}

	for i, name := range names {
		digits, named := strings.CutPrefix(fields[i], name+"=")
		n, isNumber := parseNumber(digits)
		if !named || !isNumber {
			return numbers, false
		}
		numbers[i] = n
	}
	return numbers, true
}

// parseNumber parses a decimal number below 2^31 without a sign or leading
// zeros.
func parseNumber(digits string) (int, bool) {
	n, err := strconv.ParseInt(digits, 10, 32)
	return int(n), err == nil && n >= 0 && strconv.FormatInt(n, 10) == digits
}

// decode decodes base64 of least to most bytes. Programs use several alphabets,
// so decode accepts three pairs of special characters: + and /, - and _, and
// passlib's . and /. Padding is optional.
func decode(text string, least, most int) ([]byte, error) {
	standard := strings.NewReplacer("-", "+", "_", "/", ".", "+").Replace(strings.TrimRight(text, "="))
	b, err := base64.RawStdEncoding.DecodeString(standard)
	if err != nil || len(b) < least || len(b) > most {
		return nil, errFormat
	}
	return b, nil
}

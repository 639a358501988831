package password

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	stdhash "hash"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// What a hash that another program made may ask for at most. Each bound is a second or so of one CPU.
const (
	maxBcryptCost   = 14
	maxPBKDF2Rounds = 2_000_000
	// maxScryptWork bounds 128·N·r·p, the bytes that scrypt goes through; the memory, 128·N·r, is bounded by maxMemory.
	maxScryptWork     = 1 << 30
	maxScryptParallel = 16
)

// A foreign hash is one that another program made and that was imported. It is verified once: the next login stores an
// argon2id hash of ours instead. The password is taken as it is, byte for byte, as those programs take it.
type foreign struct {
	weight weight
	match  func(password []byte) bool
}

// formats are those that can be imported, by identifier: what stands between the first two dollar signs.
var formats = map[string]func(phc string, fields []string) (foreign, error){
	"2a": parseBcrypt, "2b": parseBcrypt, "2y": parseBcrypt,
	"scrypt":          parseScrypt,
	"firebase-scrypt": parseFirebase,
	"pbkdf2-sha256":   func(_ string, fields []string) (foreign, error) { return parsePBKDF2(sha256.New, fields) },
	"pbkdf2-sha512":   func(_ string, fields []string) (foreign, error) { return parsePBKDF2(sha512.New, fields) },
}

// parseForeign reads a hash that another program made. It is not known if its identifier is none of formats.
func parseForeign(phc string) (f foreign, known bool, err error) {
	fields := strings.Split(phc, "$")
	if len(phc) > maxStored || len(fields) < 3 || fields[0] != "" {
		return foreign{}, false, nil
	}
	format, known := formats[fields[1]]
	if !known {
		return foreign{}, false, nil
	}
	f, err = format(phc, fields[2:])
	return f, true, err
}

var bcryptForm = regexp.MustCompile(`^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$`)

// parseBcrypt reads $2b$12$ and 53 characters: salt and key in an alphabet of their own. Of a password bcrypt takes the first
// 72 bytes only, and so does this.
func parseBcrypt(phc string, fields []string) (foreign, error) {
	if !bcryptForm.MatchString(phc) {
		return foreign{}, errFormat
	}
	if cost, _ := strconv.Atoi(fields[0]); cost < bcrypt.MinCost || cost > maxBcryptCost {
		return foreign{}, errCost
	}
	match := func(password []byte) bool { return bcrypt.CompareHashAndPassword([]byte(phc), password) == nil }
	return foreign{weight: weight{bytes: 8 << 10, lanes: 1}, match: match}, nil
}

// parseScrypt reads $scrypt$ln=16,r=8,p=1$salt$key: N is 2^ln (RFC 7914).
func parseScrypt(_ string, fields []string) (foreign, error) {
	if len(fields) != 3 {
		return foreign{}, errFormat
	}
	numbers, ok := settings(fields[0], "ln", "r", "p")
	salt, errSalt := decode(fields[1], 1, maxSalt)
	want, errKey := decode(fields[2], minKey, maxKey)
	if !ok || errSalt != nil || errKey != nil {
		return foreign{}, errFormat
	}
	ln, r, p := numbers[0], numbers[1], numbers[2]
	w, err := weighScrypt(ln, r, p)
	return foreign{weight: w, match: func(password []byte) bool {
		key, err := scrypt.Key(password, salt, 1<<ln, r, p, len(want))
		return err == nil && subtle.ConstantTimeCompare(key, want) == 1
	}}, err
}

func weighScrypt(ln, r, p int) (weight, error) {
	if ln < 1 || ln > 24 || r < 1 || r > 64 || p < 1 || p > maxScryptParallel {
		return weight{}, errCost
	}
	block := 128 * int64(r)
	if memory := block << ln; memory > maxMemory<<10 || memory*int64(p) > maxScryptWork {
		return weight{}, errCost
	}
	return weight{bytes: block<<ln + block*int64(p), lanes: 1}, nil
}

// parseFirebase reads $firebase-scrypt$ln=14,r=8$salt$separator$signer$key. The names are Firebase's but for ln, which is its
// mem_cost, and r, its rounds: scrypt of the password, salted with salt and separator, is the key by which AES-256 in counter
// mode enciphers the project's signer key.
func parseFirebase(_ string, fields []string) (foreign, error) {
	if len(fields) != 5 {
		return foreign{}, errFormat
	}
	numbers, ok := settings(fields[0], "ln", "r")
	salt, err1 := decode(fields[1], 1, maxSalt)
	separator, err2 := decode(fields[2], 0, maxSalt)
	signer, err3 := decode(fields[3], minKey, maxKey)
	want, err4 := decode(fields[4], minKey, maxKey)
	if !ok || err1 != nil || err2 != nil || err3 != nil || err4 != nil || len(want) != len(signer) {
		return foreign{}, errFormat
	}
	ln, r := numbers[0], numbers[1]
	w, err := weighScrypt(ln, r, 1)
	return foreign{weight: w, match: func(password []byte) bool {
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

// parsePBKDF2 reads $pbkdf2-sha256$29000$salt$key, as passlib writes it, and $pbkdf2-sha256$i=29000,l=32$salt$key, the PHC
// form, in which l may be left out.
func parsePBKDF2(digest func() stdhash.Hash, fields []string) (foreign, error) {
	if len(fields) != 3 {
		return foreign{}, errFormat
	}
	salt, errSalt := decode(fields[1], 1, maxSalt)
	want, errKey := decode(fields[2], minKey, maxKey)
	rounds, ok := pbkdf2Rounds(fields[0], len(want))
	if !ok || errSalt != nil || errKey != nil {
		return foreign{}, errFormat
	}
	if rounds < 1 || rounds > maxPBKDF2Rounds {
		return foreign{}, errCost
	}
	return foreign{weight: weight{bytes: 8 << 10, lanes: 1}, match: func(password []byte) bool {
		key, err := pbkdf2.Key(digest, string(password), salt, rounds, len(want))
		return err == nil && subtle.ConstantTimeCompare(key, want) == 1
	}}, nil
}

func pbkdf2Rounds(text string, size int) (rounds int, ok bool) {
	if n, ok := number(text); ok {
		return n, true
	}
	if n, ok := settings(text, "i"); ok {
		return n[0], true
	}
	n, ok := settings(text, "i", "l")
	return n[0], ok && n[1] == size
}

// settings reads name=number,…: these names in this order. The numbers are as many as the names, also if it is not ok.
func settings(text string, names ...string) (numbers []int, ok bool) {
	numbers = make([]int, len(names))
	fields := strings.Split(text, ",")
	if len(fields) != len(names) {
		return numbers, false
	}
	for i, name := range names {
		digits, named := strings.CutPrefix(fields[i], name+"=")
		n, isNumber := number(digits)
		if !named || !isNumber {
			return numbers, false
		}
		numbers[i] = n
	}
	return numbers, true
}

// number reads a decimal number without a sign or leading zeros, below two billion.
func number(digits string) (int, bool) {
	n, err := strconv.ParseInt(digits, 10, 32)
	return int(n), err == nil && n >= 0 && strconv.FormatInt(n, 10) == digits
}

// decode reads base64 as it is met in the wild: with + and / or with - and _ or, as passlib writes it, with . and /, padded or
// not.
func decode(text string, least, most int) ([]byte, error) {
	standard := strings.NewReplacer("-", "+", "_", "/", ".", "+").Replace(strings.TrimRight(text, "="))
	b, err := base64.RawStdEncoding.DecodeString(standard)
	if err != nil || len(b) < least || len(b) > most {
		return nil, errFormat
	}
	return b, nil
}

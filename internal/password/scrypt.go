package password

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/scrypt"
)

const (
	// maxScryptWork bounds 128·N·r·p, the number of bytes that scrypt
	// processes, to about a second of one CPU. maxMemory bounds its memory,
	// which is 128·N·r.
	maxScryptWork     = 1 << 30
	maxScryptParallel = 16
)

const scryptLimits = "128·N·r 256 MiB, 128·N·r·p 1 GiB, p 16"

// scryptFormats are the formats of scrypt. N is 2^ln (RFC 7914).
var scryptFormats = []Format{
	{
		Name: "scrypt", Form: "$scrypt$ln=16,r=8,p=1$SALT$KEY", Limits: scryptLimits,
		parsers: map[string]parser{"$scrypt$": parseScrypt},
	},
	{
		Name: "Django scrypt", Form: "scrypt$16384$SALT$8$5$KEY (N, r and p)", Limits: scryptLimits,
		parsers: map[string]parser{"scrypt$": parseDjangoScrypt},
	},
	{
		Name:   "Spring scrypt",
		Form:   "{scrypt}$e0801$SALT$KEY (or {scrypt@SpringSecurity_v5_8})",
		Limits: scryptLimits,
		parsers: map[string]parser{
			"{scrypt}":          after("{scrypt}", parseSpringScrypt),
			springNow("scrypt"): after(springNow("scrypt"), parseSpringScrypt),
		},
	},
	{
		Name: "Firebase scrypt", Form: "$firebase-scrypt$ln=14,r=8$SALT$SEPARATOR$SIGNERKEY$HASH", Limits: scryptLimits,
		parsers: map[string]parser{"$firebase-scrypt$": parseFirebase},
	},
}

// A scryptCost are the parameters of scrypt.
type scryptCost struct{ ln, r, p int }

// need returns the resources of one hash, or errCost if the parameters exceed a
// limit.
func (c scryptCost) need() (resources, error) {
	if c.ln < 1 || c.ln > 24 || c.r < 1 || c.r > 64 || c.p < 1 || c.p > maxScryptParallel {
		return resources{}, errCost
	}
	block := 128 * int64(c.r)
	if memory := block << c.ln; memory > maxMemory<<10 || memory*int64(c.p) > maxScryptWork {
		return resources{}, errCost
	}
	return resources{bytes: block<<c.ln + block*int64(c.p), cpus: 1}, nil
}

// hash returns a hash whose key is want, or errCost.
func (c scryptCost) hash(salt, want []byte, dummy string) (importedHash, error) {
	need, err := c.need()
	return importedHash{need: need, dummy: dummy, match: func(password []byte) bool {
		key, err := scrypt.Key(password, salt, 1<<c.ln, c.r, c.p, len(want))
		return err == nil && subtle.ConstantTimeCompare(key, want) == 1
	}}, err
}

// parseScrypt parses $scrypt$ln=16,r=8,p=1$salt$key.
func parseScrypt(phc string) (importedHash, error) {
	f := strings.Split(phc, "$")
	if len(f) != 5 {
		return importedHash{}, errFormat
	}
	numbers, ok := parseNumbers(f[2], "ln", "r", "p")
	salt, errSalt := decode(f[3], 1, maxSalt)
	want, errKey := decode(f[4], minKey, maxKey)
	if !ok || errSalt != nil || errKey != nil {
		return importedHash{}, errFormat
	}
	return scryptCost{numbers[0], numbers[1], numbers[2]}.hash(salt, want, join(f[1], f[2], zeros(f[3]), zeros(f[4])))
}

// parseDjangoScrypt parses scrypt$N$salt$r$p$key. The salt is text, and the key
// has 64 bytes.
func parseDjangoScrypt(phc string) (importedHash, error) {
	f := strings.Split(phc, "$")
	if len(f) != 6 {
		return importedHash{}, errFormat
	}
	n, okN := parseNumber(f[1])
	salt, errSalt := textSalt(f[2])
	r, okR := parseNumber(f[3])
	p, okP := parseNumber(f[4])
	want, errKey := decodeStandard(f[5], 64, 64)
	if !okN || !okR || !okP || errSalt != nil || errKey != nil || bits.OnesCount(uint(n)) != 1 {
		return importedHash{}, errFormat
	}
	dummy := strings.Join([]string{f[0], f[1], zeros(f[2]), f[3], f[4], zeros(f[5])}, "$")
	return scryptCost{bits.Len(uint(n)) - 1, r, p}.hash(salt, want, dummy)
}

// parseSpringScrypt parses $e0801$salt$key of Spring's SCryptPasswordEncoder.
// The parameters are a hexadecimal number: 65536·ln + 256·r + p.
func parseSpringScrypt(phc string) (importedHash, error) {
	f := strings.Split(phc, "$")
	if len(f) != 4 || f[0] != "" {
		return importedHash{}, errFormat
	}
	params, err := strconv.ParseUint(f[1], 16, 31)
	salt, errSalt := decodeStandard(f[2], 1, maxSalt)
	want, errKey := decodeStandard(f[3], minKey, maxKey)
	if err != nil || errSalt != nil || errKey != nil || strconv.FormatUint(params, 16) != f[1] {
		return importedHash{}, errFormat
	}
	cost := scryptCost{int(params >> 16), int(params >> 8 & 0xff), int(params & 0xff)}
	return cost.hash(salt, want, join(f[1], zeros(f[2]), zeros(f[3])))
}

// parseFirebase parses $firebase-scrypt$ln=14,r=8$salt$separator$signer$key.
//
// The names are Firebase's, except that ln is its mem_cost and r its rounds.
// Firebase derives an AES key by scrypt from the password, with the salt and
// the separator as the salt. The hash is the project's signer key, encrypted by
// AES-256 in counter mode.
func parseFirebase(phc string) (importedHash, error) {
	f := strings.Split(phc, "$")
	if len(f) != 7 {
		return importedHash{}, errFormat
	}
	numbers, ok := parseNumbers(f[2], "ln", "r")
	salt, err1 := decode(f[3], 1, maxSalt)
	separator, err2 := decode(f[4], 0, maxSalt)
	signer, err3 := decode(f[5], minKey, maxKey)
	want, err4 := decode(f[6], minKey, maxKey)
	if !ok || err1 != nil || err2 != nil || err3 != nil || err4 != nil || len(want) != len(signer) {
		return importedHash{}, errFormat
	}

	cost := scryptCost{numbers[0], numbers[1], 1}
	need, err := cost.need()
	dummy := join(f[1], f[2], zeros(f[3]), zeros(f[4]), zeros(f[5]), zeros(f[6]))
	return importedHash{need: need, dummy: dummy, match: func(password []byte) bool {
		key, err := scrypt.Key(password, slices.Concat(salt, separator), 1<<cost.ln, cost.r, 1, 32)
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

package password

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"hash"
	"strings"
)

// maxPBKDF2Rounds bounds the cost of a hash to about a second of one CPU.
const maxPBKDF2Rounds = 2_000_000

const pbkdf2Limits = "2,000,000 rounds"

// pbkdf2Formats are the formats of PBKDF2 (RFC 8018).
var pbkdf2Formats = []Format{
	{
		Name:   "PBKDF2",
		Form:   "$pbkdf2-sha256$600000$SALT$KEY or $pbkdf2-sha256$i=600000,l=32$SALT$KEY (or -sha512, -sha1, $pbkdf2$)",
		Limits: pbkdf2Limits,
		parsers: map[string]parser{
			"$pbkdf2$": pbkdf2Parser(sha1.New), "$pbkdf2-sha1$": pbkdf2Parser(sha1.New),
			"$pbkdf2-sha256$": pbkdf2Parser(sha256.New), "$pbkdf2-sha512$": pbkdf2Parser(sha512.New),
		},
	},
	{
		Name: "Django PBKDF2", Form: "pbkdf2_sha256$1000000$SALT$KEY (or pbkdf2_sha1)", Limits: pbkdf2Limits,
		parsers: map[string]parser{
			"pbkdf2_sha1$": djangoPBKDF2Parser(sha1.New), "pbkdf2_sha256$": djangoPBKDF2Parser(sha256.New),
		},
	},
	{
		Name:   "Spring PBKDF2",
		Form:   "{pbkdf2} and 80, or {pbkdf2@SpringSecurity_v5_8} and 96 hexadecimal digits",
		Limits: "Spring's default parameters and no secret",
		parsers: map[string]parser{
			"{pbkdf2}":          after("{pbkdf2}", springPBKDF2Parser(sha1.New, 185_000, 8)),
			springNow("pbkdf2"): after(springNow("pbkdf2"), springPBKDF2Parser(sha256.New, 310_000, 16)),
		},
	},
}

// pbkdf2Hash returns a hash whose key is want, or errCost.
//
// It compares only the first block of the key, which is as long as the digest.
// The blocks do not depend on each other: each one costs all the rounds, and a
// password that yields the first one yields all of them.
func pbkdf2Hash(digest func() hash.Hash, rounds int, salt, want []byte, dummy string) (importedHash, error) {
	if rounds < 1 || rounds > maxPBKDF2Rounds {
		return importedHash{}, errCost
	}
	want = want[:min(len(want), digest().Size())]
	return importedHash{need: smallHash, dummy: dummy, match: func(password []byte) bool {
		key, err := pbkdf2.Key(digest, string(password), salt, rounds, len(want))
		return err == nil && subtle.ConstantTimeCompare(key, want) == 1
	}}, nil
}

// pbkdf2Parser returns the parser of $pbkdf2-sha256$29000$salt$key, which is
// the form of passlib, and $pbkdf2-sha256$i=29000,l=32$salt$key, which is the
// PHC form. The PHC form may omit l.
func pbkdf2Parser(digest func() hash.Hash) parser {
	return func(phc string) (importedHash, error) {
		f := strings.Split(phc, "$")
		if len(f) != 5 {
			return importedHash{}, errFormat
		}
		salt, errSalt := decode(f[3], 1, maxSalt)
		want, errKey := decode(f[4], minKey, maxKey)
		rounds, ok := parseRounds(f[2], len(want))
		if !ok || errSalt != nil || errKey != nil {
			return importedHash{}, errFormat
		}
		return pbkdf2Hash(digest, rounds, salt, want, join(f[1], f[2], zeros(f[3]), zeros(f[4])))
	}
}

// parseRounds parses the parameters of a hash with a key of size bytes.
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

// djangoPBKDF2Parser returns the parser of pbkdf2_sha256$1000000$salt$key. The
// salt is text, and the key is as long as the digest.
func djangoPBKDF2Parser(digest func() hash.Hash) parser {
	return func(phc string) (importedHash, error) {
		f := strings.Split(phc, "$")
		if len(f) != 4 {
			return importedHash{}, errFormat
		}
		rounds, ok := parseNumber(f[1])
		salt, errSalt := textSalt(f[2])
		want, errKey := decodeStandard(f[3], digest().Size(), digest().Size())
		if !ok || errSalt != nil || errKey != nil {
			return importedHash{}, errFormat
		}
		return pbkdf2Hash(digest, rounds, salt, want, strings.Join([]string{f[0], f[1], zeros(f[2]), zeros(f[3])}, "$"))
	}
}

// springPBKDF2Parser returns the parser of the hexadecimal digits of a salt and
// a key of 32 bytes, which Spring's Pbkdf2PasswordEncoder writes. The rounds
// and the size of the salt are not part of the hash.
func springPBKDF2Parser(digest func() hash.Hash, rounds, saltSize int) parser {
	return func(text string) (importedHash, error) {
		b, err := decodeHex(text, saltSize+32)
		if err != nil {
			return importedHash{}, err
		}
		return pbkdf2Hash(digest, rounds, b[:saltSize], b[saltSize:], strings.Repeat("0", len(text)))
	}
}

// springNow returns the prefix of an encoder with the defaults of Spring
// Security 5.8, which are also those of 6 and 7.
func springNow(encoder string) string { return "{" + encoder + "@SpringSecurity_v5_8}" }

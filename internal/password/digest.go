package password

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"hash"
	"slices"
	"strings"
)

// springDigestRounds are the rounds of Spring's StandardPasswordEncoder, and
// springDigestSalt is the size of its salt in bytes.
const springDigestRounds, springDigestSalt = 1024, 8

// digestFormats are the formats of hashes of a salt and the password.
var digestFormats = []Format{
	{
		Name: "SSHA", Form: "{SSHA}BASE64 (or {SSHA256}, {SSHA512}, {ldap}{SSHA})", Limits: "a salt of 1 to 64 bytes",
		parsers: map[string]parser{
			"{SSHA}":    after("{SSHA}", sshaParser(sha1.New)),
			"{SSHA256}": after("{SSHA256}", sshaParser(sha256.New)),
			"{SSHA512}": after("{SSHA512}", sshaParser(sha512.New)),
			"{ldap}":    after("{ldap}{SSHA}", sshaParser(sha1.New)),
		},
	},
	{
		Name: "Spring SHA-256", Form: "{sha256} and 80 hexadecimal digits", Limits: "1,024 rounds and no secret",
		parsers: map[string]parser{"{sha256}": after("{sha256}", parseSpringDigest)},
	},
}

// sshaParser returns the parser of the base64 digits of a hash and its salt.
// The hash is that of the password and the salt.
func sshaParser(digest func() hash.Hash) parser {
	return func(text string) (importedHash, error) {
		size := digest().Size()
		b, err := decodeStandard(text, size+1, size+maxSalt)
		if err != nil {
			return importedHash{}, err
		}
		want, salt := b[:size], b[size:]
		return importedHash{need: smallHash, dummy: zeros(text), match: func(password []byte) bool {
			h := digest()
			h.Write(password)
			h.Write(salt)
			return subtle.ConstantTimeCompare(h.Sum(nil), want) == 1
		}}, nil
	}
}

// parseSpringDigest parses the hexadecimal digits of a salt and a SHA-256 hash,
// which Spring's StandardPasswordEncoder writes. The first hash is that of the
// salt and the password, and each further one is that of the hash before.
func parseSpringDigest(text string) (importedHash, error) {
	b, err := decodeHex(text, springDigestSalt+sha256.Size)
	if err != nil {
		return importedHash{}, err
	}
	salt, want := b[:springDigestSalt], b[springDigestSalt:]
	dummy := strings.Repeat("0", len(text))
	return importedHash{need: smallHash, dummy: dummy, match: func(password []byte) bool {
		sum := sha256.Sum256(slices.Concat(salt, password))
		for range springDigestRounds - 1 {
			sum = sha256.Sum256(sum[:])
		}
		return subtle.ConstantTimeCompare(sum[:], want) == 1
	}}, nil
}

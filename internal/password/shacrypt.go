package password

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"hash"
	"regexp"

	"github.com/go-crypt/x/crypt"
)

const (
	// minShaCryptRounds is the lowest number that programs write: they use
	// 1,000 rounds if they are asked for less.
	minShaCryptRounds = 1_000
	// maxShaCryptRounds bounds the cost of a hash to about a second of one CPU.
	maxShaCryptRounds = 1_000_000
	// defaultShaCryptRounds is the number of rounds of a hash without one.
	defaultShaCryptRounds = 5_000
)

// shaCryptFormats are the formats of crypt(3) with SHA-256 and SHA-512.
var shaCryptFormats = []Format{{
	Name: "sha-crypt", Form: "$6$rounds=656000$SALT$HASH or $6$SALT$HASH (or $5$)", Limits: "1,000 to 1,000,000 rounds",
	parsers: map[string]parser{
		"$5$": shaCryptParser(sha256.New, `^\$5\$(?:rounds=([0-9]+)\$)?([./0-9A-Za-z]{1,16})\$[./0-9A-Za-z]{42}[./0-9A-D]$`),
		"$6$": shaCryptParser(sha512.New, `^\$6\$(?:rounds=([0-9]+)\$)?([./0-9A-Za-z]{1,16})\$[./0-9A-Za-z]{85}[./01]$`),
	},
}}

// shaCryptParser returns the parser of hashes of the given form. Its groups are
// the rounds, which may be absent, and the salt, which is text. The hash after
// the last $ has the digits of cryptDigits.
func shaCryptParser(digest func() hash.Hash, form string) parser {
	expression := regexp.MustCompile(form)
	return func(phc string) (importedHash, error) {
		parts := expression.FindStringSubmatchIndex(phc)
		if parts == nil {
			return importedHash{}, errFormat
		}
		rounds := defaultShaCryptRounds
		if parts[2] >= 0 {
			var ok bool
			if rounds, ok = parseNumber(phc[parts[2]:parts[3]]); !ok {
				return importedHash{}, errFormat
			}
		}
		if rounds < minShaCryptRounds || rounds > maxShaCryptRounds {
			return importedHash{}, errCost
		}

		start, end := parts[4], parts[5]
		salt, want := []byte(phc[start:end]), []byte(phc[end+1:])
		dummy := phc[:start] + cryptZeros(len(salt)) + "$" + cryptZeros(len(want))
		return importedHash{need: smallHash, dummy: dummy, match: func(password []byte) bool {
			password, short := cutPassword(password)
			got := crypt.KeySHACrypt(digest, password, salt, rounds)
			return subtle.ConstantTimeCompare(got, want) == 1 && short
		}}, nil
	}
}

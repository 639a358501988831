package password

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"

	"golang.org/x/crypto/bcrypt"
)

// maxBcryptCost bounds the cost of a hash to about a second of one CPU.
const maxBcryptCost = 14

const bcryptLimits = "cost 4 to 14"

// bcryptFormats are the formats of bcrypt.
var bcryptFormats = []Format{
	{
		Name: "bcrypt", Form: "$2b$12$ and 53 characters (or $2a$, $2y$)", Limits: bcryptLimits,
		parsers: map[string]parser{"$2a$": parseBcrypt, "$2b$": parseBcrypt, "$2y$": parseBcrypt},
	},
	{
		Name:   "Django bcrypt",
		Form:   "bcrypt$$2b$12$ or bcrypt_sha256$$2b$12$, and 53 characters",
		Limits: bcryptLimits,
		parsers: map[string]parser{
			"bcrypt$":        after("bcrypt$", parseBcrypt),
			"bcrypt_sha256$": after("bcrypt_sha256$", parseBcryptSHA256),
		},
	},
	{
		Name: "Spring bcrypt", Form: "{bcrypt}$2a$10$ and 53 characters", Limits: bcryptLimits,
		parsers: map[string]parser{"{bcrypt}": after("{bcrypt}", parseBcrypt)},
	},
}

var bcryptForm = regexp.MustCompile(`^\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}$`)

// parseBcrypt parses $2b$12$ and 53 characters, which are the salt and the key
// in bcrypt's own alphabet. bcrypt uses only the first 72 bytes of a password.
func parseBcrypt(phc string) (importedHash, error) {
	parts := bcryptForm.FindStringSubmatch(phc)
	if parts == nil {
		return importedHash{}, errFormat
	}
	if cost, _ := strconv.Atoi(parts[1]); cost < bcrypt.MinCost || cost > maxBcryptCost {
		return importedHash{}, errCost
	}

	const start = len("$2b$12$")
	dummy := phc[:start] + zeros(phc[start:])
	return importedHash{need: smallHash, dummy: dummy, match: func(password []byte) bool {
		return bcrypt.CompareHashAndPassword([]byte(phc), password) == nil
	}}, nil
}

// parseBcryptSHA256 parses a hash of bcrypt in which the password is the
// SHA-256 hash of the user's password, in lower-case hexadecimal digits.
func parseBcryptSHA256(phc string) (importedHash, error) {
	h, err := parseBcrypt(phc)
	match := h.match
	h.match = func(password []byte) bool {
		sum := sha256.Sum256(password)
		return match([]byte(hex.EncodeToString(sum[:])))
	}
	return h, err
}

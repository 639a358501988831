package password

import (
	"crypto/md5"
	"crypto/subtle"
	"regexp"
	"strings"
)

// These constants are the binary logarithms of the lowest number of rounds that
// phpass uses, and of the highest one that is accepted. The latter bounds the
// cost of a hash to about a second of one CPU.
const minPhpassLog, maxPhpassLog = 7, 20

// phpassFormats are the portable hashes of phpass. WordPress wrote them before
// version 6.8, and phpBB 3 writes them with the letter H.
var phpassFormats = []Format{{
	Name: "phpass", Form: "$P$B and 30 characters (or $H$; at most I in place of B)", Limits: "2^20 rounds",
	parsers: map[string]parser{"$P$": parsePhpass, "$H$": parsePhpass},
}}

var phpassForm = regexp.MustCompile(`^\$[PH]\$[./0-9A-Za-z]{30}[./01]$`)

// parsePhpass parses $P$, a digit for the binary logarithm of the rounds, a
// salt of eight characters and the 22 digits of an MD5 hash. The first hash is
// that of the salt and the password, and each further one is that of the hash
// before and the password.
func parsePhpass(phc string) (importedHash, error) {
	if !phpassForm.MatchString(phc) {
		return importedHash{}, errFormat
	}
	log := strings.IndexByte(cryptDigits, phc[3])
	if log < minPhpassLog || log > maxPhpassLog {
		return importedHash{}, errCost
	}

	salt, want := phc[4:12], []byte(phc[12:])
	dummy := phc[:4] + cryptZeros(len(phc)-4)
	return importedHash{need: smallHash, dummy: dummy, match: func(password []byte) bool {
		password, short := cutPassword(password)
		sum := md5.Sum(append([]byte(salt), password...))
		next := append(sum[:], password...)
		for range 1 << log {
			sum = md5.Sum(next)
			copy(next, sum[:])
		}
		return subtle.ConstantTimeCompare(encodeCrypt(sum[:]), want) == 1 && short
	}}, nil
}

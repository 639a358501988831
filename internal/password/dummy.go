package password

import "strings"

// Dummy returns a hash that costs as much to verify as phc and that no password
// matches: phc with a salt and a key of zeros. ok is false if Check rejects
// phc.
func (h *Hasher) Dummy(phc string) (dummy string, ok bool) {
	if h.Check(phc) != nil {
		return "", false
	}

	// The first three fields are an empty one, the format and its parameters.
	// argon2id has its version before the parameters.
	fields := strings.Split(phc, "$")
	secret := fields[3:]
	if fields[1] == "argon2id" {
		secret = fields[4:]
	}
	for i, field := range secret {
		secret[i] = strings.Map(zeroDigit, field)
	}
	return strings.Join(fields, "$"), true
}

// zeroDigit returns A for a digit of base64, which is 0 in the alphabets of all
// formats but bcrypt's, where it is 2. It keeps the padding.
func zeroDigit(r rune) rune {
	if r == '=' {
		return r
	}
	return 'A'
}

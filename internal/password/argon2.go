package password

import (
	"crypto/subtle"
	"strings"

	"golang.org/x/crypto/argon2"
)

const argon2Limits = "256 MiB, 10 passes, parallelism 16"

// argon2Formats are the formats of argon2. The first one is that of new hashes:
// parseArgon2 parses it. In the others, the password is not normalized.
var argon2Formats = []Format{
	{Name: "argon2id", Form: "$argon2id$v=19$m=19456,t=2,p=1$SALT$KEY", Limits: argon2Limits},
	{
		Name: "argon2i", Form: "$argon2i$v=19$m=19456,t=2,p=1$SALT$KEY", Limits: argon2Limits,
		parsers: map[string]parser{"$argon2i$": parseOtherArgon2},
	},
	{
		Name:    "Django argon2",
		Form:    "argon2$argon2id$v=19$m=102400,t=2,p=8$SALT$KEY (or argon2i)",
		Limits:  argon2Limits,
		parsers: map[string]parser{"argon2$": after("argon2", parseOtherArgon2)},
	},
	{
		Name:   "Spring argon2",
		Form:   "{argon2}$argon2id$v=19$m=16384,t=2,p=1$SALT$KEY (or argon2i, {argon2@SpringSecurity_v5_8})",
		Limits: argon2Limits,
		parsers: map[string]parser{
			"{argon2}":          after("{argon2}", parseOtherArgon2),
			springNow("argon2"): after(springNow("argon2"), parseOtherArgon2),
		},
	},
}

// parseOtherArgon2 parses a hash of argon2id or argon2i that another program
// made.
func parseOtherArgon2(phc string) (importedHash, error) {
	derive, same := argon2.IDKey, phc
	if rest, ok := strings.CutPrefix(phc, "$argon2i$"); ok {
		// The two formats differ only in the name.
		derive, same = argon2.Key, "$argon2id$"+rest
	}
	h, err := parseArgon2(same)
	if err != nil {
		return importedHash{}, err
	}

	dummy := h.dummy()
	if same != phc {
		dummy = strings.Replace(dummy, "argon2id", "argon2i", 1)
	}
	p := h.params
	return importedHash{need: p.need(), dummy: dummy, match: func(password []byte) bool {
		key := derive(password, h.salt, p.Iterations, p.Memory, p.Parallelism, uint32(len(h.key)))
		return subtle.ConstantTimeCompare(key, h.key) == 1
	}}, nil
}

package password

import "strings"

// These sentences reject known formats that are not supported.
const (
	errArgon2d InputError = "The password hash is of argon2d, which is not supported."
	errArgon10 InputError = "The password hash is of argon2 version 1.0; only version 1.3 (v=19) is supported."
	errFast    InputError = "The password hash is of an algorithm that is too fast to protect a password (MD4, MD5 " +
		"or a single SHA). Import the user without a hash and set a password."
	errPlain    InputError = "This is a password and not a hash. Import the user without a hash and set a password."
	errUnusable InputError = "The user has no usable password. Import the user without a hash."
	errCrypt    InputError = "The password hash begins with {CRYPT}. Import it without this prefix."
	errUnixOld  InputError = "The password hash is of crypt(3), of which only bcrypt and sha-crypt are supported."
	errOtherCMS InputError = "The password hash is of Drupal or WordPress 6.8. Of these, only phpass and bcrypt " +
		"are supported."
)

// unsupported maps what a hash begins with to the error that rejects it.
var unsupported = map[string]InputError{
	"$argon2d$": errArgon2d, "argon2$argon2d$": errArgon2d, "{argon2}$argon2d$": errArgon2d,
	"$argon2id$v=16$": errArgon10, "$argon2i$v=16$": errArgon10, "$argon2id$m=": errArgon10, "$argon2i$m=": errArgon10,
	"argon2$argon2i$v=16$": errArgon10, "argon2$argon2i$m=": errArgon10,

	// Django's hashers of earlier versions
	"md5$": errFast, "sha1$": errFast, "unsalted_md5$": errFast, "unsalted_sha1$": errFast,
	"crypt$": errUnixOld, "!": errUnusable,

	// Spring, and LDAP (RFC 2307)
	"{noop}": errPlain, "{MD4}": errFast, "{MD5}": errFast, "{SHA-1}": errFast, "{SHA-256}": errFast,
	"{SHA}": errFast, "{SMD5}": errFast, "{ldap}{SHA}": errFast, "{CRYPT}": errCrypt, "{crypt}": errCrypt,

	// crypt(3)
	"$1$": errUnixOld, "$apr1$": errUnixOld, "$2$": errUnixOld, "$2x$": errUnixOld, "$7$": errUnixOld,
	"$gy$": errUnixOld, "$md5": errUnixOld, "$sha1$": errUnixOld, "$y$": errUnixOld,

	"$S$": errOtherCMS, "U$S$": errOtherCMS, "U$P$": errOtherCMS, "$wp$": errOtherCMS,
	"$plaintext$": errPlain,
}

// checkSupported returns an error if it is known that phc is not supported.
func checkSupported(phc string) error {
	if len(phc) > maxStored {
		return errStoredLong
	}
	for prefix, err := range unsupported {
		if strings.HasPrefix(phc, prefix) {
			return err
		}
	}
	return nil
}

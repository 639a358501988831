package password

import (
	"crypto/pbkdf2"
	"crypto/sha512"
	"encoding/base64"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

func TestVerify_ImportedHashesMatchAndAskForRehash(t *testing.T) {
	h := hasherWith(t, testParams, 80<<20, 2)
	for _, c := range importedHashes {
		must(t, h.Check(c.phc))
		wantVerify(t, h, c.phc, c.password, true, true)
		wantVerify(t, h, c.phc, "x"+c.password, false, false)
	}
	for _, c := range slices.Concat(passlibVectors, djangoVectors, cryptVectors, phpVectors) {
		wantVerify(t, h, c.phc, "", false, false)
	}
}

// The test makes its hashes itself, because there are no published vectors for
// pbkdf2 with SHA-512.
func TestVerify_ImportedPBKDF2WithSHA512(t *testing.T) {
	key, err := pbkdf2.Key(sha512.New, "pässword", []byte("salt salt"), 1000, 64)
	must(t, err)
	encode := base64.RawStdEncoding.EncodeToString
	for _, phc := range []string{
		"$pbkdf2-sha512$1000$" + encode([]byte("salt salt")) + "$" + encode(key),
		"$pbkdf2-sha512$i=1000$" + encode([]byte("salt salt")) + "$" + encode(key),
		"$pbkdf2-sha512$1000$" + encode([]byte("salt salt")) + "$" + strings.ReplaceAll(encode(key), "+", "."),
		"$pbkdf2-sha512$1000$" + encode([]byte("salt salt")) + "$" + base64.URLEncoding.EncodeToString(key),
	} {
		wantVerify(t, hasher(t, testParams), phc, "pässword", true, true)
	}
}

// Rule 56: the password is not normalized for an imported hash. The program
// that made the hash did not normalize it, and one login costs one hash.
func TestRule56_ImportedHashesUseTheUnnormalizedPassword(t *testing.T) {
	made, err := bcrypt.GenerateFromPassword([]byte("Ａ\u030angström"), bcrypt.MinCost)
	must(t, err)
	h := hasher(t, testParams)
	wantVerify(t, h, string(made), "Ａ\u030angström", true, true)
	wantVerify(t, h, string(made), "Ångström", false, false)
}

// Rule 55: an imported bcrypt hash covers only the first 72 bytes. The hash
// that replaces it at the next login covers the whole password.
func TestRule55_ImportedBcryptCovers72Bytes(t *testing.T) {
	h := hasher(t, testParams)
	long := strings.Repeat("p", 80)
	made, err := bcrypt.GenerateFromPassword([]byte(long[:72]), bcrypt.MinCost)
	must(t, err)
	wantVerify(t, h, string(made), long, true, true)
	wantVerify(t, h, string(made), long[:71], false, false)
	phc := mustHash(t, h, long)
	wantVerify(t, h, phc, long, true, false)
	wantVerify(t, h, phc, long[:72], false, false)
}

// Rule 58: imported hashes that exceed a limit of memory or work are rejected.
func TestRule58_ImportedHashesAreLimited(t *testing.T) {
	// The budget is large, so that no hash is rejected because of it.
	h, bcryptHash := hasherWith(t, testParams, 1<<30, 2), importedHashes[0].phc
	const (
		scryptKey = "$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E"
		pbkdf2Key = "$c2FsdA$xeR41ZKIyEGqUw22hFxMjZYok6ABzk4RpJY4c6qYE0o"
		djangoKey = "$salt$" + key + "="
		argon2Key = salt + "$" + key
	)
	for _, phc := range []string{
		strings.Replace(bcryptHash, "$05$", "$15$", 1),
		strings.Replace(bcryptHash, "$05$", "$31$", 1),
		strings.Replace(bcryptHash, "$05$", "$03$", 1),
		"$scrypt$ln=18,r=9,p=1" + scryptKey, "$scrypt$ln=25,r=1,p=1" + scryptKey,
		"$scrypt$ln=2147483647,r=8,p=1" + scryptKey,
		"$scrypt$ln=17,r=8,p=16" + scryptKey, "$scrypt$ln=4,r=1,p=17" + scryptKey, "$scrypt$ln=1,r=65,p=1" + scryptKey,
		"$scrypt$ln=0,r=8,p=1" + scryptKey, "$scrypt$ln=14,r=0,p=1" + scryptKey, "$scrypt$ln=14,r=8,p=0" + scryptKey,
		strings.Replace(firstVectors[len(firstVectors)-1].phc, "ln=14", "ln=19", 1),
		"$pbkdf2$2000001" + pbkdf2Key, "$pbkdf2-sha1$i=0" + pbkdf2Key,
		"pbkdf2_sha256$2000001" + djangoKey, "pbkdf2_sha256$0" + djangoKey,
		"scrypt$262144$salt$9$1$" + key64, "scrypt$33554432$salt$1$1$" + key64, "scrypt$16384$salt$8$17$" + key64,
		"scrypt$1$salt$8$1$" + key64, "scrypt$16384$salt$0$1$" + key64,
		"{scrypt}$120901$c2FsdA==$" + key + "=", "{scrypt}$190801$c2FsdA==$" + key + "=",
		"{scrypt@SpringSecurity_v5_8}$110810$c2FsdA==$" + key + "=", "{scrypt}$801$c2FsdA==$" + key + "=",
		"{bcrypt}" + strings.Replace(bcryptHash, "$05$", "$15$", 1),
		"bcrypt$" + strings.Replace(bcryptHash, "$05$", "$03$", 1),
		"bcrypt_sha256$" + strings.Replace(bcryptHash, "$05$", "$15$", 1),
		"$argon2i$v=19$m=262145,t=1,p=1$" + argon2Key, "$argon2i$v=19$m=64,t=11,p=1$" + argon2Key,
		"argon2$argon2id$v=19$m=65536,t=2,p=17$" + argon2Key, "{argon2}$argon2id$v=19$m=7,t=2,p=1$" + argon2Key,
		"{argon2@SpringSecurity_v5_8}$argon2id$v=19$m=262145,t=1,p=1$" + argon2Key,
		"$5$rounds=999$salt$" + crypt43, "$5$rounds=1000001$salt$" + crypt43,
		"$6$rounds=1000001$salt$" + crypt86, "$6$rounds=999999999$salt$" + crypt86,
		"$P$4" + crypt30, "$P$J" + crypt30, "$H$z" + crypt30,
		"$pbkdf2-sha256$2000001" + pbkdf2Key, "$pbkdf2-sha256$0" + pbkdf2Key, "$pbkdf2-sha512$i=2147483647" + pbkdf2Key,
	} {
		if h.Check(phc) == nil {
			t.Errorf("Check accepts %s", phc)
		}
		wantRejected(t, h, phc)
	}

	small := hasher(t, testParams)
	if small.Check("$scrypt$ln=16,r=8,p=1"+scryptKey) != errBudget {
		t.Error("Check accepts a hash of more than 64 MiB with a budget of 64 MiB")
	}
	wantRejected(t, small, "$scrypt$ln=16,r=8,p=1"+scryptKey)

	for _, phc := range []string{
		"$scrypt$ln=15,r=8,p=16" + scryptKey,
		"$pbkdf2-sha256$2000000" + pbkdf2Key, "$pbkdf2$2000000" + pbkdf2Key, "pbkdf2_sha256$2000000" + djangoKey,
		"scrypt$32768$salt$8$16$" + key64, "{scrypt}$f0810$c2FsdA==$" + key + "=",
		"$argon2i$v=19$m=262144,t=10,p=16$" + argon2Key,
		"$5$rounds=1000$salt$" + crypt43, "$6$rounds=1000000$salt$" + crypt86, "$P$5" + crypt30, "$P$I" + crypt30,
		strings.Replace(bcryptHash, "$05$", "$14$", 1),
	} {
		must(t, h.Check(phc))
	}
}

func TestCheck_RejectsMalformedHashes(t *testing.T) {
	h, bcryptHash := hasher(t, testParams), importedHashes[0].phc
	for _, phc := range []string{
		"$2b$", "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", bcryptHash + "x",
		strings.Replace(bcryptHash, "C", "~", 1),
		"$scrypt$", "$scrypt$ln=14,r=8,p=1$c2FsdA$", "$scrypt$ln=14,p=1,r=8$c2FsdA$" + key,
		"$scrypt$ln=14,r=8,p=1$$" + key, "$scrypt$ln=14,r=8$c2FsdA$" + key,
		"$scrypt$ln=+14,r=8,p=1$c2FsdA$" + key, "$scrypt$ln=014,r=8,p=1$c2FsdA$" + key,
		"$scrypt$ln=14,r=8,p=1$c2FsdA$" + key + "$x", "$7$C6..../....SodiumChloride$",
		"$pbkdf2-sha256$i=1000,l=31$c2FsdA$" + key,
		"$pbkdf2-sha256$1000$c2FsdA$c2hvcnQ", "$pbkdf2-sha256$1000$c2FsdA$" + key + "\n",
		"$scrypt$ln=14,r=8,p=1$c2Fs\rdA$" + key,
		"$pbkdf2-sha256$1000$c2FsdA$" + strings.Repeat("AAAA", 22), "$pbkdf2-sha256$x$c2FsdA$" + key,
		"$firebase-scrypt$ln=14,r=8$c2FsdA$Bw$" + key,
		"$firebase-scrypt$ln=14,r=8$c2FsdA$Bw$" + key + "$AAAAAAAAAAAAAAAAAAAAAAAA",
		"$6$salt$x", "pbkdf2_sha256$1000$salt$x", "5f4dcc3b5aa765d61d8327deb882cf99", strings.Repeat("$", maxStored+1),
		"$scrypt$" + strings.Repeat("a", maxStored),

		"$argon2i$v=19$t=2,m=64,p=1$" + salt + "$" + key, "$argon2i$v=19$m=64,t=2,p=1$" + salt + "$" + key + "=",
		"$argon2i$v=19$m=64,t=2,p=1,keyid=AA$" + salt + "$" + key, "$argon2i$v=19$m=64,t=2,p=1$" + salt,
		"argon2$v=19$m=64,t=2,p=1$" + salt + "$" + key, "argon2$" + validHash, "{argon2}", "{argon2}" + validHash[1:],
		"argon2" + bcryptHash, "{argon2}{argon2}" + validHash, "{bcrypt}" + validHash, "{bcrypt}{bcrypt}" + bcryptHash,
		"bcrypt" + bcryptHash, "bcrypt_sha256$", "{bcrypt}", " {bcrypt}" + bcryptHash, "{BCRYPT}" + bcryptHash,

		"pbkdf2_sha256$1000$salt$" + key, "pbkdf2_sha256$1000$$" + key + "=", "pbkdf2_sha256$01000$salt$" + key + "=",
		"pbkdf2_sha256$1000$sa lt$" + key + "=", "pbkdf2_sha256$1000$s\u00e4lt$" + key + "=",
		"pbkdf2_sha256$1000$" + strings.Repeat("s", 65) + "$" + key + "=", "pbkdf2_sha1$1000$salt$" + key + "=",
		"pbkdf2_sha256$1000$salt$x$" + key + "=", "pbkdf2_sha512$1000$salt$" + key64,
		"pbkdf2_sha256$1000$salt$" + key64,
		"pbkdf2_sha256$1000$salt$" + key[:42] + "V=", // nonzero unused bits
		"pbkdf2_sha256$1000$salt$\n" + key + "=",
		"pbkdf2_sha256$1000$salt$" + strings.Replace(key, "a", "-", 1) + "=",
		"{pbkdf2}" + hex96, "{pbkdf2}" + hex96[:78], "{pbkdf2@SpringSecurity_v5_8}" + hex96[:80],
		"{pbkdf2}" + strings.ToUpper(hex96[:80]), "{pbkdf2}" + "g" + hex96[:79], "{pbkdf2@SpringSecurity_v6_0}" + hex96,

		"scrypt$16385$salt$8$5$" + key64, "scrypt$0$salt$8$5$" + key64, "scrypt$16384$$8$5$" + key64,
		"scrypt$16384$salt$8$5$" + key + "=", "scrypt$16384$salt$8$" + key64, "scrypt$16384$salt$8$5$" + key64[:86],
		"scrypt$16384$salt$08$5$" + key64, "scrypt$16384$salt$8$+5$" + key64,
		"{scrypt}$E0801$c2FsdA==$" + key + "=", "{scrypt}$0e0801$c2FsdA==$" + key + "=",
		"{scrypt}$e0801$c2FsdA$" + key + "=", "{scrypt}$e0801$c2FsdA==$" + key, "{scrypt}$e0801$c2FsdA==",
		"{scrypt}x$e0801$c2FsdA==$" + key + "=", "{scrypt}$-e0801$c2FsdA==$" + key + "=",
		"{scrypt}$scrypt$ln=14,r=8,p=1$c2FsdA$" + key,

		"$5$$" + crypt43, "$5$salt$" + crypt43[:42], "$5$salt$" + crypt43 + ".", "$5$salt$" + crypt43[:42] + "E",
		"$5$saltsaltsaltsalts$" + crypt43, "$5$s!lt$" + crypt43, "$5$rounds=05000$salt$" + crypt43,
		"$5$rounds=$salt$" + crypt43, "$5$rounds=+5000$salt$" + crypt43, "$5$Rounds=5000$salt$" + crypt43,
		"$5$rounds=99999999999$salt$" + crypt43, "$6$salt$" + crypt43, "$5$salt$" + crypt43 + "\n",
		"$6$salt$" + crypt86[:85] + "2",

		"$P$B" + crypt30[:29], "$P$B" + crypt30 + ".", "$P$B" + crypt30[:29] + "2", "$P$B" + crypt30[:29] + "~",
		"$P$~" + crypt30,

		"{SSHA}", "{SSHA}AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "{SSHA}" + strings.Repeat("AAAA", 28) + "AA==",
		"{ssha}" + key + "=", "{SSHA}" + key, "{SSHA}" + key[:42] + "V=", "{SSHA}\n" + key + "=",
		"{SSHA256}" + key + "=", "{SSHA512}" + key64, "{SSHA384}" + key64, "{ldap}" + key + "=",
		"{ldap}{ldap}{SSHA}" + key + "=", "{ldap}{SSHA256}" + key64,
		"{sha256}" + hex96, "{sha256}" + hex96[:64], "{sha256}" + strings.ToUpper(hex96[:80]),
	} {
		if h.Check(phc) == nil {
			t.Errorf("Check accepts %q", phc)
		}
		wantRejected(t, h, phc)
	}
}

// Check says what is wrong with a hash, and which form or limit it wants.
func TestCheck_ReasonsOfARejection(t *testing.T) {
	h, bcryptHash := hasher(t, testParams), firstVectors[0].phc
	for phc, want := range map[string]string{
		"x":                              "has an unsupported format",
		strings.Repeat("$", maxStored+1): "has more than 1024 bytes",
		"$2b$12$x":                       "malformed. The form of bcrypt is $2b$12$ and 53 characters",
		strings.Replace(bcryptHash, "$05$", "$15$", 1): "exceeds the limits of bcrypt: cost 4 to 14.",
		validHash + "=": "malformed. The form of argon2id is $argon2id$v=19$m=19456,t=2",
		strings.Replace(validHash, "t=2", "t=11", 1): "exceeds the limits of argon2id: 256 MiB, 10 passes",
		"pbkdf2_sha256$1000$salt$x":                  "malformed. The form of Django PBKDF2 is pbkdf2_sha256$1",
		"{pbkdf2}" + hex96:                           "malformed. The form of Spring PBKDF2 is {pbkdf2} and 80, or",
		"$6$rounds=2000000$salt$" + crypt86:          "exceeds the limits of sha-crypt: 1,000 to 1,000,000 rounds.",

		"$argon2d$v=19$m=64,t=2,p=1$" + salt + "$" + key: "is of argon2d, which is not supported",
		"{argon2}$argon2d$v=19$m=64,t=2,p=1$" + salt:     "is of argon2d, which is not supported",
		strings.Replace(validHash, "v=19", "v=16", 1):    "only version 1.3 (v=19) is supported",
		strings.Replace(validHash, "v=19$", "", 1):       "only version 1.3 (v=19) is supported",
		"$argon2i$m=64,t=2,p=1$" + salt + "$" + key:      "only version 1.3 (v=19) is supported",
		"{noop}" + key:              "is a password and not a hash",
		"$plaintext$" + key:         "is a password and not a hash",
		"{MD5}{salt}" + key:         "too fast to protect a password",
		"{SHA-256}{salt}" + key:     "too fast to protect a password",
		"{ldap}{SHA}" + key:         "too fast to protect a password",
		"md5$salt$" + key:           "too fast to protect a password",
		"sha1$$" + key:              "too fast to protect a password",
		"!" + key:                   "has no usable password",
		"{CRYPT}$6$salt$" + crypt86: "Import it without this prefix",
		"$1$salt$" + key:            "of which only bcrypt and sha-crypt are supported",
		"$y$j9T$" + key:             "of which only bcrypt and sha-crypt are supported",
		"$wp" + bcryptHash:          "is of Drupal or WordPress 6.8",
	} {
		err := h.Check(phc)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check(%q) = %v, want %s", phc, err, want)
		}
		wantRejected(t, h, phc)
	}
}

// A password of more than 512 bytes does not match in the formats whose every
// round processes it.
func TestVerify_ImportedHashesOfLongPasswords(t *testing.T) {
	h, long := hasher(t, testParams), strings.Repeat("p", maxCryptPassword)
	for _, phc := range []string{
		// passlib 1.7.4: sha256_crypt.using(rounds=1000).hash("p" * 512)
		"$5$rounds=1000$UT80N0mM9tFAlhvh$SI4OaiRqahtYNDz.xDYOr1lVajMHMjQzqr2dS096/S5",
		// passlib 1.7.4: phpass.using(rounds=7).hash("p" * 512)
		"$P$5l1i1d5Y2c.TFrUSpitcFRp8hQQacw1",
	} {
		wantVerify(t, h, phc, long, true, true)
		wantVerify(t, h, phc, long+"p", false, false)
	}
}

// A hash belongs to one format, and each format has a hash of another program.
func TestFormats_BeginDifferently(t *testing.T) {
	var prefixes []string
	for _, f := range formats {
		prefixes = slices.AppendSeq(prefixes, maps.Keys(f.parsers))
	}
	for _, p := range prefixes {
		for _, q := range prefixes {
			if p != q && strings.HasPrefix(p, q) {
				t.Errorf("%s begins with %s", p, q)
			}
		}
		if !slices.ContainsFunc(importedHashes, func(v vector) bool { return strings.HasPrefix(v.phc, p) }) {
			t.Errorf("%s has no test vector", p)
		}
	}
}

// The table in docs/passwords.md has all formats in their order, with the
// limits of each or the name of a format above it with the same limits.
func TestFormats_AreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/passwords.md")
	must(t, err)
	rows := regexp.MustCompile(`(?m)^\| ([^|]+) \| .*`+"`.*`"+`.* \| ([^|]+) \|$`).FindAllStringSubmatch(string(page), -1)
	limits := map[string]string{}
	for i, f := range Formats() {
		limits[f.Name] = f.Limits
		if i >= len(rows) || rows[i][1] != f.Name {
			t.Fatalf("the row of %s is missing, or not row %d", f.Name, i+1)
		}
		above, same := strings.CutPrefix(rows[i][2], "as ")
		if got := rows[i][2]; got != f.Limits && !(same && limits[above] == f.Limits) {
			t.Errorf("the limits of %s are %q, want %q", f.Name, got, f.Limits)
		}
	}
}

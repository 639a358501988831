package password

import (
	"crypto/pbkdf2"
	"crypto/sha512"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// importedHashes are hashes that other programs made. Those of bcrypt are test
// vectors of crypt_blowfish and PHP. Those of pbkdf2 are from Python. That of
// scrypt is from the documentation of passlib. That of Firebase is from the
// description of its scrypt.
var importedHashes = []struct{ phc, password string }{
	{"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
	{
		"$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
	},
	{"$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq", "rasmuslerdorf"},
	{"$pbkdf2-sha256$4096$c2FsdA$xeR41ZKIyEGqUw22hFxMjZYok6ABzk4RpJY4c6qYE0o", "password"},
	{"$pbkdf2-sha256$i=4096,l=32$c2FsdA$xeR41ZKIyEGqUw22hFxMjZYok6ABzk4RpJY4c6qYE0o=", "password"},
	{
		"$pbkdf2-sha512$1000$c2FsdA$" +
			"r.bFUweFtsxrHGRTOEcxvV7kMu5Un9QvtmlXea2KHFv1neacSPd078QAfVKY.QM8AkHVq2kwXntk7O642DTP7A",
		"password",
	},
	{"$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E", "password"},
	{
		"$firebase-scrypt$ln=14,r=8$42xEC+ixf3L2lw==$Bw==" +
			"$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==" +
			"$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
		"user1password",
	},
}

func TestVerify_ImportedHashesMatchAndAskForRehash(t *testing.T) {
	h := hasherWith(t, testParams, 80<<20, 2)
	for _, c := range importedHashes {
		must(t, h.Check(c.phc))
		wantVerify(t, h, c.phc, c.password, true, true)
		wantVerify(t, h, c.phc, "x"+c.password, false, false)
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
	)
	for _, phc := range []string{
		strings.Replace(bcryptHash, "$05$", "$15$", 1),
		strings.Replace(bcryptHash, "$05$", "$31$", 1),
		strings.Replace(bcryptHash, "$05$", "$03$", 1),
		"$scrypt$ln=18,r=9,p=1" + scryptKey, "$scrypt$ln=25,r=1,p=1" + scryptKey,
		"$scrypt$ln=2147483647,r=8,p=1" + scryptKey,
		"$scrypt$ln=17,r=8,p=16" + scryptKey, "$scrypt$ln=4,r=1,p=17" + scryptKey, "$scrypt$ln=1,r=65,p=1" + scryptKey,
		"$scrypt$ln=0,r=8,p=1" + scryptKey, "$scrypt$ln=14,r=0,p=1" + scryptKey, "$scrypt$ln=14,r=8,p=0" + scryptKey,
		strings.Replace(importedHashes[len(importedHashes)-1].phc, "ln=14", "ln=19", 1),
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
		"$pbkdf2-sha256$2000000" + pbkdf2Key,
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
		"$pbkdf2$1000$c2FsdA$" + key, "$pbkdf2-sha1$1000$c2FsdA$" + key, "$pbkdf2-sha256$i=1000,l=31$c2FsdA$" + key,
		"$pbkdf2-sha256$1000$c2FsdA$c2hvcnQ",
		"$pbkdf2-sha256$1000$c2FsdA$" + strings.Repeat("AAAA", 22), "$pbkdf2-sha256$x$c2FsdA$" + key,
		"$firebase-scrypt$ln=14,r=8$c2FsdA$Bw$" + key,
		"$firebase-scrypt$ln=14,r=8$c2FsdA$Bw$" + key + "$AAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2i$v=19$m=64,t=2,p=1$" + salt + "$" + key, "$argon2d$v=19$m=64,t=2,p=1$" + salt + "$" + key, "$1$salt$x",
		"$6$salt$x", "$plaintext$password",
		"pbkdf2_sha256$1000$salt$x", "5f4dcc3b5aa765d61d8327deb882cf99", strings.Repeat("$", maxStored+1),
		"$scrypt$" + strings.Repeat("a", maxStored),
	} {
		if h.Check(phc) == nil {
			t.Errorf("Check accepts %q", phc)
		}
		wantRejected(t, h, phc)
	}
}

// Verify rejects or computes any string in the database, within the limits of
// time and memory. An error does not quote the string.
func FuzzStoredHash(f *testing.F) {
	f.Add(validHash)
	for _, c := range importedHashes {
		f.Add(c.phc)
	}
	h := hasherWith(f, testParams, 1<<20, 2)
	f.Fuzz(func(t *testing.T, phc string) {
		err := h.Check(phc)
		if err != nil && len(phc) > 40 && strings.Contains(err.Error(), phc[20:]) {
			t.Errorf("the error quotes the hash: %v", err)
		}
		if err != nil || phc == "" || expensive(phc) {
			return
		}

		start := time.Now()
		if ok, _, err := h.Verify(t.Context(), phc, "correct horse battery staple"); err != nil || ok {
			t.Errorf("Verify(%q) = %v, %v, but Check accepts it", phc, ok, err)
		}
		if elapsed := time.Since(start); elapsed > 20*time.Second {
			t.Errorf("Verify(%q) took %v", phc, elapsed)
		}
	})
}

// expensive reports whether a hash can take so much time that it would slow
// down the fuzzing.
func expensive(phc string) bool {
	h, supported, _ := parseImported(phc)
	return supported && h.need.bytes < 1<<20 && !strings.HasPrefix(phc, "$2a$05$")
}

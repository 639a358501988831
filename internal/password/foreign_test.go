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

// imported are hashes that other programs made: those of bcrypt are test vectors of crypt_blowfish and PHP, those of pbkdf2 are
// Python's, that of scrypt is from the documentation of passlib, Firebase's from the description of its scrypt.
var imported = []struct{ phc, password string }{
	{"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
	{"$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored"},
	{"$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq", "rasmuslerdorf"},
	{"$pbkdf2-sha256$4096$c2FsdA$xeR41ZKIyEGqUw22hFxMjZYok6ABzk4RpJY4c6qYE0o", "password"},
	{"$pbkdf2-sha256$i=4096,l=32$c2FsdA$xeR41ZKIyEGqUw22hFxMjZYok6ABzk4RpJY4c6qYE0o=", "password"},
	{"$pbkdf2-sha512$1000$c2FsdA$r.bFUweFtsxrHGRTOEcxvV7kMu5Un9QvtmlXea2KHFv1neacSPd078QAfVKY.QM8AkHVq2kwXntk7O642DTP7A", "password"},
	{"$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E", "password"},
	{
		"$firebase-scrypt$ln=14,r=8$42xEC+ixf3L2lw==$Bw==$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==" +
			"$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==", "user1password",
	},
}

func TestImportedHashesAreVerifiedAndRehashed(t *testing.T) {
	h, err := newHasher(cheap, 80<<20, 2)
	must(t, err)
	for _, c := range imported {
		must(t, h.Check(c.phc))
		verify(t, h, c.phc, c.password, true, true)
		verify(t, h, c.phc, "x"+c.password, false, false)
		verify(t, h, c.phc, "", false, false)
	}
}

// Both forms of pbkdf2, and SHA-512, whose vectors nobody prints: what is made here is read here.
func TestImportedPBKDF2WithSHA512(t *testing.T) {
	key, err := pbkdf2.Key(sha512.New, "pässword", []byte("salt salt"), 1000, 64)
	must(t, err)
	encode := base64.RawStdEncoding.EncodeToString
	for _, phc := range []string{
		"$pbkdf2-sha512$1000$" + encode([]byte("salt salt")) + "$" + encode(key),
		"$pbkdf2-sha512$i=1000$" + encode([]byte("salt salt")) + "$" + encode(key),
		"$pbkdf2-sha512$1000$" + encode([]byte("salt salt")) + "$" + strings.ReplaceAll(encode(key), "+", "."),
		"$pbkdf2-sha512$1000$" + encode([]byte("salt salt")) + "$" + base64.URLEncoding.EncodeToString(key),
	} {
		verify(t, hasher(t, cheap), phc, "pässword", true, true)
	}
}

// TestRule56_ImportedHashesTakeTheBytesAsTheyAre: the program that made them did not normalise, and one login costs one hash.
func TestRule56_ImportedHashesTakeTheBytesAsTheyAre(t *testing.T) {
	made, err := bcrypt.GenerateFromPassword([]byte("Ａ\u030angström"), bcrypt.MinCost)
	must(t, err)
	h := hasher(t, cheap)
	verify(t, h, string(made), "Ａ\u030angström", true, true)
	verify(t, h, string(made), "Ångström", false, false)
}

// TestRule55_ImportedBcryptKnows72Bytes, and only until the next login: the hash that it leaves is of the whole password.
func TestRule55_ImportedBcryptKnows72Bytes(t *testing.T) {
	h := hasher(t, cheap)
	long := strings.Repeat("p", 80)
	made, err := bcrypt.GenerateFromPassword([]byte(long[:72]), bcrypt.MinCost)
	must(t, err)
	verify(t, h, string(made), long, true, true)
	verify(t, h, string(made), long[:71], false, false)
	phc := hash(t, h, long)
	verify(t, h, phc, long, true, false)
	verify(t, h, phc, long[:72], false, false)
}

func TestRule58_ImportedHashesCannotAskForTooMuch(t *testing.T) {
	h, err := newHasher(cheap, 1<<30, 2) // whatever is refused is not for want of budget
	must(t, err)
	const scrypted, derived = "$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E", "$c2FsdA$xeR41ZKIyEGqUw22hFxMjZYok6ABzk4RpJY4c6qYE0o"
	for _, phc := range []string{
		strings.Replace(imported[0].phc, "$05$", "$15$", 1),
		strings.Replace(imported[0].phc, "$05$", "$31$", 1),
		strings.Replace(imported[0].phc, "$05$", "$03$", 1),
		"$scrypt$ln=18,r=9,p=1" + scrypted, "$scrypt$ln=25,r=1,p=1" + scrypted, "$scrypt$ln=2147483647,r=8,p=1" + scrypted,
		"$scrypt$ln=17,r=8,p=16" + scrypted, "$scrypt$ln=4,r=1,p=17" + scrypted, "$scrypt$ln=1,r=65,p=1" + scrypted,
		"$scrypt$ln=0,r=8,p=1" + scrypted, "$scrypt$ln=14,r=0,p=1" + scrypted, "$scrypt$ln=14,r=8,p=0" + scrypted,
		strings.Replace(imported[len(imported)-1].phc, "ln=14", "ln=19", 1),
		"$pbkdf2-sha256$2000001" + derived, "$pbkdf2-sha256$0" + derived, "$pbkdf2-sha512$i=2147483647" + derived,
	} {
		if h.Check(phc) == nil {
			t.Errorf("Check takes %s", phc)
		}
		refused(t, h, phc)
	}
	poor := hasher(t, cheap)
	if poor.Check("$scrypt$ln=16,r=8,p=1"+scrypted) != errBudget {
		t.Error("a hash of 64 MiB and a little fits into 64 MiB")
	}
	refused(t, poor, "$scrypt$ln=16,r=8,p=1"+scrypted)
	for _, phc := range []string{"$scrypt$ln=15,r=8,p=16" + scrypted, "$pbkdf2-sha256$2000000" + derived, strings.Replace(imported[0].phc, "$05$", "$14$", 1)} {
		must(t, h.Check(phc))
	}
}

func TestForeignHashesThatAreNone(t *testing.T) {
	h := hasher(t, cheap)
	for _, phc := range []string{
		"$2b$", "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", imported[0].phc + "x", strings.Replace(imported[0].phc, "C", "~", 1),
		"$scrypt$", "$scrypt$ln=14,r=8,p=1$c2FsdA$", "$scrypt$ln=14,p=1,r=8$c2FsdA$" + key, "$scrypt$ln=14,r=8,p=1$$" + key, "$scrypt$ln=14,r=8$c2FsdA$" + key,
		"$scrypt$ln=+14,r=8,p=1$c2FsdA$" + key, "$scrypt$ln=014,r=8,p=1$c2FsdA$" + key, "$scrypt$ln=14,r=8,p=1$c2FsdA$" + key + "$x", "$7$C6..../....SodiumChloride$",
		"$pbkdf2$1000$c2FsdA$" + key, "$pbkdf2-sha1$1000$c2FsdA$" + key, "$pbkdf2-sha256$i=1000,l=31$c2FsdA$" + key, "$pbkdf2-sha256$1000$c2FsdA$c2hvcnQ",
		"$pbkdf2-sha256$1000$c2FsdA$" + strings.Repeat("AAAA", 22), "$pbkdf2-sha256$x$c2FsdA$" + key,
		"$firebase-scrypt$ln=14,r=8$c2FsdA$Bw$" + key, "$firebase-scrypt$ln=14,r=8$c2FsdA$Bw$" + key + "$AAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2i$v=19$m=64,t=2,p=1$" + salt + "$" + key, "$argon2d$v=19$m=64,t=2,p=1$" + salt + "$" + key, "$1$salt$x", "$6$salt$x", "$plaintext$password",
		"pbkdf2_sha256$1000$salt$x", "5f4dcc3b5aa765d61d8327deb882cf99", strings.Repeat("$", maxStored+1), "$scrypt$" + strings.Repeat("a", maxStored),
	} {
		if h.Check(phc) == nil {
			t.Errorf("Check takes %q", phc)
		}
		refused(t, h, phc)
	}
}

// FuzzStored: whatever stands in the database is refused or verified, in no more time and memory than the limits allow, and
// what is refused says nothing of itself.
func FuzzStored(f *testing.F) {
	f.Add(good)
	for _, c := range imported {
		f.Add(c.phc)
	}
	h, err := newHasher(cheap, 1<<20, 2)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, phc string) {
		err := h.Check(phc)
		if err != nil && len(phc) > 40 && strings.Contains(err.Error(), phc[20:]) {
			t.Errorf("the error shows the hash: %v", err)
		}
		if err != nil || phc == "" || expensive(phc) {
			return
		}
		began := time.Now()
		if ok, _, err := h.Verify(t.Context(), phc, "correct horse battery staple"); err != nil || ok {
			t.Errorf("Verify(%q) = %v, %v, though Check takes it", phc, ok, err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("Verify(%q) took %v", phc, took)
		}
	})
}

// expensive says whether a hash is allowed to take so long that fuzzing would be slow.
func expensive(phc string) bool {
	f, known, _ := parseForeign(phc)
	return known && f.weight.bytes < 1<<20 && !strings.HasPrefix(phc, "$2a$05$")
}

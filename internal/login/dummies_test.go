package login

import (
	"fmt"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/password"
)

// These are hashes of three costs.
const (
	oldHash      = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U"
	newHash      = "$argon2id$v=19$m=64,t=9,p=1$c2FsdHNhbHRzYWx0c2FsdA$a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U"
	importedHash = "$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq"
)

// names is how many unknown names a test chooses hashes for.
const names = 4000

// chosen returns the hash of each name, with a sample of those hashes.
func chosen(t *testing.T, stored []StoredHash) (hashes []string) {
	t.Helper()
	params := password.Params{Memory: 64, Iterations: 9, Parallelism: 1}
	h, err := password.New(password.Options{Params: params, MinParams: params})
	if err != nil {
		t.Fatal(err)
	}
	var d dummies
	d.replace(stored, h)
	for i := range names {
		hashes = append(hashes, d.of(fmt.Sprint("nobody", i)))
	}
	return hashes
}

// users returns users with the same hash.
func users(from, to int, hash string) (stored []StoredHash) {
	for i := from; i < to; i++ {
		stored = append(stored, StoredHash{UserID: fmt.Sprint("usr_", i), PasswordHash: hash})
	}
	return stored
}

// differing returns how many elements differ.
func differing(a, b []string) (n int) {
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// Rule 49: each cost is as frequent among unknown names as among the users, in
// every format. Users without a usable hash do not count.
func TestRule49_UnknownNamesHaveTheCostsOfStoredHashes(t *testing.T) {
	for _, of := range []int{10, 500} {
		stored := append(users(0, 6*of/10, oldHash), users(6*of/10, 9*of/10, newHash)...)
		stored = append(stored, users(9*of/10, of, importedHash)...)
		stored = append(append(stored, users(of, 2*of, "")...), users(2*of, 3*of, "$x$y$z")...)

		count := map[string]int{}
		for _, hash := range chosen(t, stored) {
			count[hash[:strings.LastIndexByte(hash, '$')]]++
		}
		for prefix, share := range map[string]float64{
			"$argon2id$v=19$m=64,t=1,p=1$" + strings.Repeat("A", 22): 0.6,
			"$argon2id$v=19$m=64,t=9,p=1$" + strings.Repeat("A", 22): 0.3,
			"$2y$07": 0.1,
		} {
			if got := float64(count[prefix]) / names; got < share-0.03 || got > share+0.03 {
				t.Errorf("%d users: %.3f of the unknown names have the cost %s, want %.1f", of, got, prefix, share)
			}
		}
	}
	for _, hash := range chosen(t, users(0, 5, "")) {
		if hash != "" {
			t.Fatalf("without a stored hash, an unknown name has the hash %s", hash)
		}
	}
}

// Rule 49: an unknown name always has the same cost. If a user gets another
// hash, only the names that stand for this user follow. If a user is created,
// only the names that now stand for that user change.
func TestRule49_UnknownNamesKeepTheirCost(t *testing.T) {
	stored := users(0, 20, oldHash)
	before := chosen(t, stored)
	if n := differing(chosen(t, stored), before); n != 0 {
		t.Errorf("%d names have another cost on another server", n)
	}

	stored[7].PasswordHash = newHash
	after := chosen(t, stored)
	if n := differing(after, before); n < names/20*7/10 || n > names/20*13/10 {
		t.Errorf("one user of 20 got a new hash: %d of %d names have another cost", n, names)
	}
	created := chosen(t, append(users(20, 21, oldHash), stored...))
	for i := range created {
		if created[i] != after[i] && after[i] != mustDummy(t, newHash) {
			t.Errorf("name %d changed from %s to %s", i, after[i], created[i])
		}
	}
	if n := differing(chosen(t, append(users(20, 21, newHash), stored...)), after); n == 0 || n > names/21*13/10 {
		t.Errorf("one user was created beside 20: %d of %d names have another cost", n, names)
	}
}

func mustDummy(t *testing.T, phc string) string {
	t.Helper()
	return chosen(t, users(0, 1, phc))[0]
}

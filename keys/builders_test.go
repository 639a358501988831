package keys

import (
	"crypto"
	"crypto/x509"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/signetd/signet/internal/seal"
)

func testPolicy() Policy {
	return Policy{
		MaxAge: 5 * time.Minute, PublishAhead: time.Hour, RotateEvery: 720 * time.Hour, PollInterval: 2 * time.Second,
		ClockSkew: 2 * time.Minute, MaxLifetime: time.Hour, MaxRefreshLifetime: 90 * 24 * time.Hour, RSABits: 2048,
	}
}

func compare(want, got any) string { return cmp.Diff(want, got, cmpopts.EquateEmpty()) }

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// at returns the time that many minutes after noon.
func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// key returns an ES256 key, a spare unless edits change it. Its lifetime is
// that of testPolicy.
func key(id string, edits ...func(*Key)) Key {
	k := Key{ID: id, Algorithm: ES256, CreatedAt: at(-1000)}
	for _, edit := range edits {
		edit(&k)
	}
	if k.Lifetime == 0 {
		k.Lifetime = testPolicy().lifetime(k.Algorithm)
	}
	return k
}

func first(k *Key)                       { k.ActivateAt = Always }
func created(minutes int) func(*Key)     { return func(k *Key) { k.CreatedAt = at(minutes) } }
func activates(minutes int) func(*Key)   { return func(k *Key) { k.ActivateAt = at(minutes) } }
func retired(minutes int) func(*Key)     { return func(k *Key) { k.RetiredAt = at(minutes) } }
func compromised(minutes int) func(*Key) { return func(k *Key) { k.CompromisedAt = at(minutes) } }
func destroyed(minutes int) func(*Key) {
	return func(k *Key) { k.DestroyedAt, k.Sealed = at(minutes), nil }
}
func of(algorithm string) func(*Key) { return func(k *Key) { k.Algorithm = algorithm } }
func lasting(lifetime time.Duration) func(*Key) {
	return func(k *Key) { k.Lifetime = lifetime }
}

// newTestUpdate returns an update at noon of a ring with these keys.
func newTestUpdate(keys ...Key) *update {
	return &update{policy: testPolicy(), now: noon, ring: Ring{Keys: keys}}
}

// dates returns the keys of an update by id, with the dates that a change may
// set. A requested key has the name "new ES256", a second one "new ES256 2".
func dates(u *update) map[string]Key {
	found := make(map[string]Key)
	for _, k := range u.ring.Keys {
		found[k.ID] = Key{
			ActivateAt: k.ActivateAt, RetiredAt: k.RetiredAt,
			DestroyedAt: k.DestroyedAt, CompromisedAt: k.CompromisedAt,
		}
	}
	for _, r := range u.requests {
		name := "new " + r.algorithm
		if _, ok := found[name]; ok {
			name += " 2"
		}
		found[name] = Key{ActivateAt: r.activateAt(Key{Algorithm: r.algorithm, CreatedAt: u.now})}
	}
	return found
}

func yes(string) bool { return true }
func no(string) bool  { return false }

// newKEKs returns the KEKs of a new KEK file.
func newKEKs(t *testing.T) *seal.KEKs {
	t.Helper()
	keks, err := seal.Create(t.TempDir() + "/kek")
	if err != nil {
		t.Fatal(err)
	}
	return keks
}

// generated returns the sealed row of a new key.
func generated(t *testing.T, keks *seal.KEKs, algorithm string) Key {
	t.Helper()
	k, private, err := generate(algorithm, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return sealRow(t, keks, k, private)
}

// sealedRow returns the sealed row of a private key, without any check.
func sealedRow(t *testing.T, keks *seal.KEKs, algorithm string, private crypto.Signer) Key {
	t.Helper()
	k := Key{Algorithm: algorithm}
	var err error
	if k.Public, err = x509.MarshalPKIXPublicKey(private.Public()); err != nil {
		t.Fatal(err)
	}
	if k.ID, err = thumbprint(private.Public()); err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return sealRow(t, keks, k, der)
}

// sealRow adds the sealed private key and the dates of a first key to a row.
func sealRow(t *testing.T, keks *seal.KEKs, k Key, private []byte) Key {
	t.Helper()
	k.KEK, k.CreatedAt, k.ActivateAt = keks.Newest(), noon, Always
	var err error
	if k.Sealed, err = keks.Seal(k.KEK, k.label(), private); err != nil {
		t.Fatal(err)
	}
	return k
}

// parsePKCS8 returns the private key in der.
func parsePKCS8(t *testing.T, der []byte) any {
	t.Helper()
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

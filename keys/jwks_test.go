package keys

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// Rule 16: the JWK Set holds only public keys, each with its own kid, its use
// and its algorithm.
func TestRule16_JWKSet(t *testing.T) {
	keks := newKEKs(t)
	r := Ring{Keys: []Key{
		generated(t, keks, RS256), generated(t, keks, ES256), generated(t, keks, EdDSA), generated(t, keks, EdDSA),
		generated(t, keks, MAC), generated(t, keks, ES256), generated(t, keks, ES256),
	}}
	r.Keys[5].CompromisedAt, r.Keys[6].DestroyedAt = noon, noon
	s, err := newSnapshot(r, keks, testPolicy(), nil)
	if err != nil || s.fault != nil {
		t.Fatal(err, s.fault)
	}

	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(s.sets.at(noon).Bytes, &set); err != nil {
		t.Fatal(err)
	}
	kinds := map[string][]string{
		RS256: {"RSA", "alg,e,kid,kty,n,use"},
		ES256: {"EC", "alg,crv,kid,kty,use,x,y"},
		EdDSA: {"OKP", "alg,crv,kid,kty,use,x"},
	}

	seen := make(map[string]bool)
	for _, k := range set.Keys {
		kid, algorithm := k["kid"].(string), k["alg"].(string)
		if i := r.index(kid); i < 0 || i > 3 || seen[kid] || r.Keys[i].Algorithm != algorithm {
			t.Errorf("the key %v is a duplicate or must not be published", k)
		}
		seen[kid] = true
		var members []string
		for name := range k {
			members = append(members, name)
		}
		slices.Sort(members)
		got := strings.Join(members, ",")
		if k["use"] != "sig" || k["kty"] != kinds[algorithm][0] || got != kinds[algorithm][1] {
			t.Errorf("%s: members %s, %v", algorithm, got, k)
		}
	}

	if len(seen) != 4 {
		t.Errorf("%d keys are published, want 4", len(seen))
	}

	for _, k := range r.Keys[:4] {
		der, err := keks.Open(k.KEK, k.label(), k.Sealed)
		if err != nil {
			t.Fatal(err)
		}
		if private, ok := parsePKCS8(t, der).(*rsa.PrivateKey); ok {
			d := base64.RawURLEncoding.EncodeToString(private.D.Bytes())
			if bytes.Contains(s.sets.at(noon).Bytes, []byte(d[:20])) {
				t.Error("a private exponent is in the JWK Set")
			}
		}
	}

	if _, err := publicJWK(Key{ID: "k", Algorithm: RS256}, []byte("a secret of thirty-two bytes …..")); err == nil {
		t.Error("publicJWK accepts a symmetric key")
	}
}

func TestSet_EqualRingsGiveEqualBytes(t *testing.T) {
	keks := newKEKs(t)
	r := Ring{Keys: []Key{generated(t, keks, ES256), generated(t, keks, EdDSA), generated(t, keks, ES256)}}
	publish := func(r Ring) *Set {
		t.Helper()
		s, err := newSnapshot(r, keks, testPolicy(), nil)
		if err != nil || s.fault != nil {
			t.Fatal(err, s.fault)
		}
		return s.sets.at(noon)
	}

	one := publish(r)
	for range 20 {
		reordered := Ring{Keys: []Key{r.Keys[2], r.Keys[0], r.Keys[1]}}
		if other := publish(reordered); !bytes.Equal(one.Bytes, other.Bytes) || one.ETag != other.ETag {
			t.Fatalf("two different sets of one ring:\n%s\n%s", one.Bytes, other.Bytes)
		}
	}
	if fewer := publish(Ring{Keys: r.Keys[:2]}); fewer.ETag == one.ETag {
		t.Error("two different sets have the same ETag")
	}
	if empty := publish(Ring{}); string(empty.Bytes) != `{"keys":[]}` {
		t.Errorf("an empty set is %s", empty.Bytes)
	}
	if len(one.ETag) < 3 || one.ETag[0] != '"' || one.ETag[len(one.ETag)-1] != '"' {
		t.Errorf("the ETag %s has no quotes", one.ETag)
	}
}

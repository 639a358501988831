package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/seal"
)

// newKEKs returns a set of KEKs in a file of its own.
func newKEKs(t *testing.T) *seal.KEKs {
	t.Helper()
	keks, err := seal.Create(t.TempDir() + "/kek")
	if err != nil {
		t.Fatal(err)
	}
	return keks
}

// sealed returns a key as it would stand in the ring.
func sealed(t *testing.T, keks *seal.KEKs, algorithm string) Key {
	t.Helper()
	k, private, err := generate(algorithm, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return sealUp(t, keks, k, private)
}

func sealUp(t *testing.T, keks *seal.KEKs, k Key, private []byte) Key {
	t.Helper()
	k.KEK, k.CreatedAt, k.ActivateAt = keks.Newest(), noon, Always
	var err error
	if k.Sealed, err = keks.Seal(k.KEK, k.label(), private); err != nil {
		t.Fatal(err)
	}
	return k
}

func TestThumbprint(t *testing.T) {
	decode := func(s string) []byte {
		raw, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for name, test := range map[string]struct {
		key  crypto.PublicKey
		want string
	}{
		"RFC 7638 section 3.1": {
			&rsa.PublicKey{E: 65537, N: new(big.Int).SetBytes(decode(
				"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMst" +
					"n64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn" +
					"1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"))},
			"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
		},
		"RFC 8037 appendix A.3": {ed25519.PublicKey(decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
	} {
		if got, err := thumbprint(test.key); err != nil || got != test.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, test.want)
		}
	}
}

func TestSignatures(t *testing.T) {
	keks := newKEKs(t)
	input := []byte("header.payload")
	sum := sha256.Sum256(input)
	for _, algorithm := range []string{RS256, ES256, EdDSA} {
		o, err := sealed(t, keks, algorithm).open(keks)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := o.signer.Sign(input)
		if err != nil {
			t.Fatal(err)
		}
		var valid bool
		switch public := o.public.(type) {
		case *rsa.PublicKey:
			valid = rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature) == nil
		case *ecdsa.PublicKey:
			valid = len(signature) == 64 &&
				ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
		case ed25519.PublicKey:
			valid = ed25519.Verify(public, input, signature)
		}
		if !valid {
			t.Errorf("%s: the signature does not verify", algorithm)
		}
	}
}

// Whoever can write to the store, but has no KEK, cannot make us use or publish another key.
func TestOpenRefusesForgedRows(t *testing.T) {
	keks := newKEKs(t)
	k, other, mac := sealed(t, keks, ES256), sealed(t, keks, ES256), sealed(t, keks, MAC)
	for name, forge := range map[string]func() Key{
		"another public half":         func() Key { k := k; k.Public = other.Public; return k },
		"another private half":        func() Key { k := k; k.Sealed = other.Sealed; return k },
		"another key under the kid":   func() Key { k := k; k.Public, k.Sealed = other.Public, other.Sealed; return k },
		"another kid":                 func() Key { k := k; k.ID = other.ID; return k },
		"another algorithm":           func() Key { k := k; k.Algorithm = EdDSA; return k },
		"a public half for a MAC key": func() Key { k := k; k.Algorithm = MAC; return k },
		"a MAC key as a signing key":  func() Key { k := mac; k.Algorithm = ES256; return k },
		"an unknown KEK":              func() Key { k := k; k.KEK = "0123456789abcdef"; return k },
		"no private half":             func() Key { k := k; k.Sealed = nil; return k },
		"a MAC key that is too short": func() Key { return sealUp(t, keks, Key{ID: "m", Algorithm: MAC}, make([]byte, 31)) },
		"a private half that is none": func() Key { return sealUp(t, keks, k, []byte("canary")) },
		"sealed under its label, but P-384": func() Key {
			private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			return row(t, keks, ES256, private)
		},
	} {
		if _, err := forge().open(keks); err == nil {
			t.Errorf("%s: opened", name)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: the error tells what was sealed: %v", name, err)
		}
	}
	if _, err := k.open(keks); err != nil {
		t.Errorf("as it was: %v", err)
	}
}

// row returns any key as it would stand in the ring.
func row(t *testing.T, keks *seal.KEKs, algorithm string, private crypto.Signer) Key {
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
	return sealUp(t, keks, k, der)
}

// Weak keys are refused wherever a key comes from, and a ring that holds one is not used.
func TestRule17_WeakKeys(t *testing.T) {
	good, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey := func(shift uint, e int) *rsa.PublicKey {
		n := new(big.Int).Rsh(good.N, shift)
		return &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: e}
	}
	//lint:ignore SA1019 nothing else makes a point that is not on the curve
	off := &ecdsa.PublicKey{Curve: elliptic.P256(), X: p256.X, Y: new(big.Int).Add(p256.Y, big.NewInt(1))}
	for name, test := range map[string]struct {
		algorithm string
		key       crypto.PublicKey
		ok        bool
	}{
		"RSA 2048":          {RS256, &good.PublicKey, true},
		"RSA 2047":          {RS256, rsaKey(1, 65537), false},
		"RSA 1024":          {RS256, rsaKey(1024, 65537), false},
		"e = 1":             {RS256, rsaKey(0, 1), false},
		"e = 3":             {RS256, rsaKey(0, 3), false},
		"e even":            {RS256, rsaKey(0, 65536), false},
		"modulus even":      {RS256, &rsa.PublicKey{N: new(big.Int).SetBit(good.N, 0, 0), E: 65537}, false},
		"modulus huge":      {RS256, &rsa.PublicKey{N: new(big.Int).SetBit(new(big.Int).Lsh(good.N, 8192), 0, 1), E: 65537}, false},
		"P-256":             {ES256, &p256.PublicKey, true},
		"P-224":             {ES256, &p224.PublicKey, false},
		"off the curve":     {ES256, off, false},
		"Ed25519":           {EdDSA, edwards, true},
		"Ed25519 short":     {EdDSA, edwards[:31], false},
		"RSA for ES256":     {ES256, &good.PublicKey, false},
		"P-256 for EdDSA":   {EdDSA, &p256.PublicKey, false},
		"Ed25519 for RS256": {RS256, edwards, false},
		"a private key":     {RS256, good, false},
		"a symmetric key":   {RS256, []byte("0123456789abcdef0123456789abcdef"), false},
		"nothing":           {RS256, nil, false},
	} {
		if err := checkPublic(test.algorithm, test.key); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, point := range smallPoints(t) {
		if err := checkPublic(EdDSA, point); err == nil {
			t.Errorf("a point of small order: %x", point)
		}
	}

	t.Setenv("GODEBUG", "rsa1024min=0")
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	keks := newKEKs(t)
	s, err := newSnapshot(Ring{Keys: []Key{row(t, keks, RS256, weak)}}, keks, testPolicy(), nil)
	if err != nil || s.fault == nil || !strings.Contains(s.fault.Error(), "1024 bits") {
		t.Errorf("a ring with a weak key: %v, %v", s.fault, err)
	}
	if len(s.opened) != 0 || strings.Contains(string(s.set.Bytes), "kid") {
		t.Error("the weak key is used")
	}
}

// smallPoints returns all encodings of points of small order, the unusual ones too. The two values of y of order 8 stand
// here as numbers; that they are such is checked by doubling them three times.
func smallPoints(t *testing.T) []ed25519.PublicKey {
	t.Helper()
	var points []ed25519.PublicKey
	add := func(y *big.Int) {
		for _, sign := range []byte{0, 0x80} {
			encoded := y.FillBytes(make([]byte, 32))
			slices.Reverse(encoded)
			encoded[31] |= sign
			points = append(points, encoded)
		}
	}
	one := big.NewInt(1)
	for _, y := range []*big.Int{new(big.Int), one, new(big.Int).Sub(fieldPrime, one), fieldPrime, new(big.Int).Add(fieldPrime, one)} {
		add(y)
	}
	for _, encoded := range []string{
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	} {
		raw, err := hex.DecodeString(encoded)
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(raw)
		y := new(big.Int).SetBytes(raw)
		if !hasOrder8(y) {
			t.Fatalf("%s is not of order 8", encoded)
		}
		add(y)
	}
	return points
}

// hasOrder8 doubles a point of that y in affine coordinates and looks whether y becomes 0, which is order 4.
func hasOrder8(y *big.Int) bool {
	field := func(x *big.Int) *big.Int { return x.Mod(x, fieldPrime) }
	mul := func(a, b *big.Int) *big.Int { return field(new(big.Int).Mul(a, b)) }
	d := mul(dNumerator, new(big.Int).ModInverse(dDenominator, fieldPrime))
	y2 := mul(y, y)
	// x² = (y² - 1) / (d·y² + 1)
	x2 := mul(new(big.Int).Sub(y2, big.NewInt(1)), new(big.Int).ModInverse(field(new(big.Int).Add(mul(d, y2), big.NewInt(1))), fieldPrime))
	// The doubled y = (y² + x²) / (1 - d·x²·y²); x² must be a square for the point to exist.
	return field(new(big.Int).Add(y2, x2)).Sign() == 0 && big.Jacobi(x2, fieldPrime) == 1
}

func parsed(t *testing.T, der []byte) any {
	t.Helper()
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func TestNothingPrintsAKey(t *testing.T) {
	keks := newKEKs(t)
	k := sealed(t, keks, EdDSA)
	o, err := k.open(keks)
	if err != nil {
		t.Fatal(err)
	}
	der, err := keks.Open(k.KEK, k.label(), k.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	seed := parsed(t, der).(ed25519.PrivateKey).Seed()[:6]
	type around struct{ inner Signer }
	var out bytes.Buffer
	for _, v := range []any{o.signer, &o.signer, around{o.signer}, &around{o.signer}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("key", "key", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("key", "key", o.signer)
	}
	for _, form := range []string{
		string(seed), hex.EncodeToString(seed), strings.ToUpper(hex.EncodeToString(seed)), strings.Trim(fmt.Sprint(seed), "[]"),
		base64.StdEncoding.EncodeToString(seed), strings.Trim(fmt.Sprintf("%#v", seed), "[]byte{}"),
	} {
		if strings.Contains(out.String(), form) {
			t.Errorf("a private key was printed as %q", form)
		}
	}
}

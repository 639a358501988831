package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"
	"testing"
)

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
				"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWK" +
					"RXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368Q" +
					"QMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lF" +
					"d2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"))},
			"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
		},
		"RFC 8037 appendix A.3": {
			ed25519.PublicKey(decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")),
			"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
		},
	} {
		if got, err := thumbprint(test.key); err != nil || got != test.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, test.want)
		}
	}
}

// Rule 17: the server rejects weak public keys. It does not use or publish a
// weak key of the ring.
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
	huge := new(big.Int).SetBit(new(big.Int).Lsh(good.N, 8192), 0, 1)

	//lint:ignore SA1019 only this function makes a point outside the curve
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
		"modulus huge":      {RS256, &rsa.PublicKey{N: huge, E: 65537}, false},
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
			t.Errorf("a point of small order is accepted: %x", point)
		}
	}

	t.Setenv("GODEBUG", "rsa1024min=0")
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}

	keks := newKEKs(t)
	s, err := newSnapshot(Ring{Keys: []Key{sealedRow(t, keks, RS256, weak)}}, keks, testPolicy(), nil)
	if err != nil || s.fault == nil || !strings.Contains(s.fault.Error(), "1024 bits") {
		t.Errorf("a ring with a weak key: %v, %v", s.fault, err)
	}
	if len(s.unsealed) != 0 || strings.Contains(string(s.set.Bytes), "kid") {
		t.Error("the weak key is used")
	}
}

// smallPoints returns all encodings of points of small order, including those
// that are not canonical. The two values of y of order 8 are constants here.
// hasOrder8 checks them.
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
	for _, y := range []*big.Int{
		new(big.Int), one, new(big.Int).Sub(fieldPrime, one), fieldPrime, new(big.Int).Add(fieldPrime, one),
	} {
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

// hasOrder8 doubles the point with this y in affine coordinates. It reports
// whether the new y is 0, which is a point of order 4.
func hasOrder8(y *big.Int) bool {
	field := func(x *big.Int) *big.Int { return x.Mod(x, fieldPrime) }
	mul := func(a, b *big.Int) *big.Int { return field(new(big.Int).Mul(a, b)) }
	d := mul(dNumerator, new(big.Int).ModInverse(dDenominator, fieldPrime))
	y2 := mul(y, y)
	// x² = (y² - 1) / (d·y² + 1)
	numerator, denominator := new(big.Int).Sub(y2, big.NewInt(1)), field(new(big.Int).Add(mul(d, y2), big.NewInt(1)))
	x2 := mul(numerator, new(big.Int).ModInverse(denominator, fieldPrime))
	// The doubled y is (y² + x²) / (1 - d·x²·y²). The point exists only if x²
	// is a square.
	return field(new(big.Int).Add(y2, x2)).Sign() == 0 && big.Jacobi(x2, fieldPrime) == 1
}

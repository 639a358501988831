package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"math/big"
	"slices"
	"testing"
)

// Rule 17: a weak key, and a key that does not fit its algorithm, is refused.
func TestRule17_WeakPublicKeys(t *testing.T) {
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
		"RSA 2048":          {rs256, &good.PublicKey, true},
		"RSA 2047":          {rs256, rsaKey(1, 65537), false},
		"RSA 1024":          {rs256, rsaKey(1024, 65537), false},
		"e = 1":             {rs256, rsaKey(0, 1), false},
		"e = 3":             {rs256, rsaKey(0, 3), false},
		"e even":            {rs256, rsaKey(0, 65536), false},
		"modulus even":      {rs256, &rsa.PublicKey{N: new(big.Int).SetBit(good.N, 0, 0), E: 65537}, false},
		"modulus huge":      {rs256, &rsa.PublicKey{N: huge, E: 65537}, false},
		"P-256":             {es256, &p256.PublicKey, true},
		"P-224":             {es256, &p224.PublicKey, false},
		"off the curve":     {es256, off, false},
		"Ed25519":           {edDSA, edwards, true},
		"Ed25519 short":     {edDSA, edwards[:31], false},
		"RSA for ES256":     {es256, &good.PublicKey, false},
		"P-256 for EdDSA":   {edDSA, &p256.PublicKey, false},
		"Ed25519 for RS256": {rs256, edwards, false},
		"a private key":     {rs256, good, false},
		"a symmetric key":   {rs256, []byte("0123456789abcdef0123456789abcdef"), false},
		"nothing":           {rs256, nil, false},
	} {
		if err := CheckPublicKey(test.algorithm, test.key); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}

	for _, point := range smallPoints(t) {
		if err := CheckPublicKey(edDSA, point); err == nil {
			t.Errorf("a point of small order is accepted: %x", point)
		}
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

package jws

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
	"encoding/json"
	"io/fs"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"
)

func readVectors(t *testing.T, name string, into any) {
	t.Helper()
	data, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// A jwk is a public key in the form of the test vectors.
type jwk struct {
	Kty, Crv, Alg, Kid, Use, N, E, X, Y string
	KeyOps                              []string `json:"key_ops"`
}

// key returns the public key. It returns nil if the key is not for verification
// or if the package does not support its algorithm.
func (k *jwk) key(t *testing.T) crypto.PublicKey {
	t.Helper()
	if k == nil || k.Use == "enc" || k.KeyOps != nil && !slices.Contains(k.KeyOps, "verify") {
		return nil
	}
	bytesOf := func(s string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	switch {
	case k.Kty == "RSA" && k.Alg == rs256:
		e := new(big.Int).SetBytes(bytesOf(k.E)).Int64()
		return &rsa.PublicKey{N: new(big.Int).SetBytes(bytesOf(k.N)), E: int(e)}
	case k.Kty == "EC" && k.Crv == "P-256" && k.Alg == es256:
		encoded := slices.Concat([]byte{4}, bytesOf(k.X), bytesOf(k.Y))
		point, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), encoded)
		if err != nil {
			t.Fatal(err)
		}
		return point
	}
	return nil
}

// The test runs VerifySignature and Verify on all JWS vectors. Both must reject
// the vectors of unsupported algorithms, even if these are valid. One valid
// ES256 vector has the larger s: VerifySignature accepts it, and Verify rejects
// it.
func TestWycheproof_JWS(t *testing.T) {
	var file struct {
		NumberOfTests int
		TestGroups    []struct {
			Public *jwk
			Tests  []struct {
				TcID    int
				Comment string
				JWS     string
				Result  string
			}
		}
	}
	readVectors(t, "json_web_signature_test.json", &file)
	accepted, rejected, notCanonical := map[string]int{}, 0, 0
	for _, group := range file.TestGroups {
		key := group.Public.key(t)
		find := func(kid string) (string, crypto.PublicKey, bool) {
			if key == nil || kid != group.Public.Kid {
				return "", nil, false
			}
			return group.Public.Alg, key, true
		}
		for _, test := range group.Tests {
			want := test.Result == "valid" && key != nil
			signatureValid, canonicalForm := false, false
			if cut := strings.LastIndexByte(test.JWS, '.'); want && cut > 0 {
				signature, err := base64.RawURLEncoding.Strict().DecodeString(test.JWS[cut+1:])
				signatureValid = err == nil &&
					VerifySignature(group.Public.Alg, key, []byte(test.JWS[:cut]), signature) == nil
				canonicalForm = canonical(group.Public.Alg, signature)
			}
			_, err := Verify(test.JWS, find)
			if signatureValid != want || (err == nil) != (want && canonicalForm) {
				t.Errorf("%d %s: %s, signature valid %v, Verify returned %v",
					test.TcID, test.Comment, test.Result, signatureValid, err)
			}
			switch {
			case want && !canonicalForm:
				notCanonical++
				fallthrough
			case want:
				accepted[group.Public.Alg]++
			default:
				checkRefusal(t, test.Comment, err)
				rejected++
			}
		}
	}
	if accepted[rs256] != 8 || accepted[es256] != 2 || notCanonical != 1 ||
		rejected != file.NumberOfTests-10 || rejected < 300 {
		t.Errorf("accepted %v (%d not canonical), rejected %d of %d",
			accepted, notCanonical, rejected, file.NumberOfTests)
	}
}

// The test runs VerifySignature on the vectors of the three signature
// algorithms.
func TestWycheproof_Signatures(t *testing.T) {
	for _, c := range []struct {
		file, algorithm string
		valid, invalid  int // minimum numbers of vectors
	}{
		{"ed25519_test.json", edDSA, 80, 60},
		{"rsa_signature_2048_sha256_test.json", rs256, 9, 240},
		{"rsa_signature_3072_sha256_test.json", rs256, 8, 240},
		{"ecdsa_secp256r1_sha256_p1363_test.json", es256, 170, 80},
	} {
		var file struct {
			NumberOfTests int
			TestGroups    []struct {
				PublicKeyDER string
				Tests        []struct {
					TcID                      int
					Comment, Msg, Sig, Result string
				}
			}
		}
		readVectors(t, c.file, &file)
		counts := map[string]int{}
		for _, group := range file.TestGroups {
			key, err := x509.ParsePKIXPublicKey(unhex(t, group.PublicKeyDER))
			if err != nil {
				t.Fatal(err)
			}
			for _, test := range group.Tests {
				err := VerifySignature(c.algorithm, key, unhex(t, test.Msg), unhex(t, test.Sig))
				if test.Result != "acceptable" && (err == nil) != (test.Result == "valid") {
					t.Errorf("%s %d %s: %s, got error %v", c.file, test.TcID, test.Comment, test.Result, err)
				}
				counts[test.Result]++
			}
		}
		sum := counts["valid"] + counts["invalid"] + counts["acceptable"]
		if counts["valid"] < c.valid || counts["invalid"] < c.invalid || sum != file.NumberOfTests {
			t.Errorf("%s: unexpected counts %v of %d vectors", c.file, counts, file.NumberOfTests)
		}
	}
}

// VerifySignature rejects keys of another type and keys that are too small,
// even if the signature is valid.
func TestVerifySignature_RejectsOtherKeys(t *testing.T) {
	input := []byte("input")
	for _, p := range pairs() {
		signature := p.sign(string(input))
		if err := VerifySignature(p.algorithm, p.private.Public(), input, signature); err != nil {
			t.Errorf("%s: unexpected error: %v", p.algorithm, err)
		}
		for _, algorithm := range []string{
			rs256, es256, edDSA, "RS384", "PS256", "Ed25519", "none", "mac", "HS256", "", "eddsa",
		} {
			if algorithm != p.algorithm && VerifySignature(algorithm, p.private.Public(), input, signature) == nil {
				t.Errorf("a %s signature is accepted as %q", p.algorithm, algorithm)
			}
		}
		for _, key := range []crypto.PublicKey{nil, p.private, []byte("key"), ed25519.PublicKey{}} {
			if VerifySignature(p.algorithm, key, input, signature) == nil {
				t.Errorf("a %s signature is accepted under a %T", p.algorithm, key)
			}
		}
	}
	ec := pairOf(es256)
	valid := ec.sign("input")
	for _, longer := range [][]byte{
		slices.Concat(valid[:32], []byte{0}, valid[32:]),
		slices.Concat([]byte{0}, valid),
		append(slices.Clone(valid), 0),
	} {
		if VerifySignature(es256, ec.private.Public(), input, longer) == nil {
			t.Errorf("an ES256 signature of %d bytes is accepted", len(longer))
		}
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	if VerifySignature(rs256, small.Public(), input, (pair{rs256, small}).sign("input")) == nil {
		t.Error("an RSA key of 1024 bits is accepted")
	}
	other, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(input)
	r, s, err := ecdsa.Sign(rand.Reader, other, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	if VerifySignature(es256, other.Public(), input, signature) == nil {
		t.Error("an EC key on P-224 is accepted")
	}
}

func TestCanonicalSignature_RejectsInvalidInput(t *testing.T) {
	for _, length := range []int{0, 63, 65, 70} {
		if _, err := CanonicalSignature(es256, make([]byte, length)); err == nil {
			t.Errorf("ES256 signature of %d bytes: CanonicalSignature returned no error", length)
		}
	}
	if _, err := CanonicalSignature(es256, bytes.Repeat([]byte{0xff}, 64)); err == nil {
		t.Error("s above the order: CanonicalSignature returned no error")
	}
	if same, err := CanonicalSignature(rs256, []byte{0xff}); err != nil || !bytes.Equal(same, []byte{0xff}) {
		t.Errorf("RS256 signature: got %x, error %v, want it unchanged", same, err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

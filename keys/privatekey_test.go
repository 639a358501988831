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
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"
)

func TestSigner_SignaturesVerify(t *testing.T) {
	keks := newKEKs(t)
	input := []byte("header.payload")
	sum := sha256.Sum256(input)
	for _, algorithm := range []string{RS256, ES256, EdDSA} {
		u, err := unseal(generated(t, keks, algorithm), keks)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := u.signer.Sign(input)
		if err != nil {
			t.Fatal(err)
		}

		var valid bool
		switch public := u.public.(type) {
		case *rsa.PublicKey:
			valid = rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature) == nil
		case *ecdsa.PublicKey:
			if valid = len(signature) == 64; valid {
				r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
				valid = ecdsa.Verify(public, sum[:], r, s)
			}
		case ed25519.PublicKey:
			valid = ed25519.Verify(public, input, signature)
		}
		if !valid {
			t.Errorf("%s: the signature does not verify", algorithm)
		}
	}
}

// An attacker who can write to the store but has no KEK cannot make a server
// use or publish another key.
func TestUnseal_RejectsForgedRows(t *testing.T) {
	keks := newKEKs(t)
	k, other, mac := generated(t, keks, ES256), generated(t, keks, ES256), generated(t, keks, MAC)
	for name, forge := range map[string]func() Key{
		"another public key":  func() Key { k := k; k.Public = other.Public; return k },
		"another private key": func() Key { k := k; k.Sealed = other.Sealed; return k },
		"another key pair under the kid": func() Key {
			k := k
			k.Public, k.Sealed = other.Public, other.Sealed
			return k
		},
		"another kid":                func() Key { k := k; k.ID = other.ID; return k },
		"another algorithm":          func() Key { k := k; k.Algorithm = EdDSA; return k },
		"a signing key as a MAC key": func() Key { k := k; k.Algorithm = MAC; return k },
		"a MAC key as a signing key": func() Key { k := mac; k.Algorithm = ES256; return k },
		"an unknown KEK":             func() Key { k := k; k.KEK = "0123456789abcdef"; return k },
		"no private key":             func() Key { k := k; k.Sealed = nil; return k },
		"a MAC key that is too short": func() Key {
			return sealRow(t, keks, Key{ID: "m", Algorithm: MAC}, make([]byte, 31))
		},
		"a malformed private key": func() Key { return sealRow(t, keks, k, []byte("canary")) },
		"sealed with its label, but P-384": func() Key {
			private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			return sealedRow(t, keks, ES256, private)
		},
	} {
		if _, err := unseal(forge(), keks); err == nil {
			t.Errorf("%s: unseal returned no error", name)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: the error quotes the sealed data: %v", name, err)
		}
	}
	if _, err := unseal(k, keks); err != nil {
		t.Errorf("the unchanged row: %v", err)
	}
}

func TestSigner_PrintsNoPrivateKey(t *testing.T) {
	keks := newKEKs(t)
	k := generated(t, keks, EdDSA)
	u, err := unseal(k, keks)
	if err != nil {
		t.Fatal(err)
	}
	der, err := keks.Open(k.KEK, k.label(), k.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	seed := parsePKCS8(t, der).(ed25519.PrivateKey).Seed()[:6]
	type wrapper struct{ inner Signer }

	var out bytes.Buffer
	for _, v := range []any{u.signer, &u.signer, wrapper{u.signer}, &wrapper{u.signer}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("key", "key", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("key", "key", u.signer)
	}

	for _, form := range []string{
		string(seed),
		hex.EncodeToString(seed),
		strings.ToUpper(hex.EncodeToString(seed)),
		strings.Trim(fmt.Sprint(seed), "[]"),
		base64.StdEncoding.EncodeToString(seed),
		strings.Trim(fmt.Sprintf("%#v", seed), "[]byte{}"),
	} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the private key is printed as %q", form)
		}
	}
}

package keys

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
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

// Rule 17: the server does not use or publish a weak key of the ring.
func TestRule17_WeakKeys(t *testing.T) {
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
	if len(s.unsealed) != 0 || strings.Contains(string(s.sets.at(noon).Bytes), "kid") {
		t.Error("the weak key is used")
	}
}

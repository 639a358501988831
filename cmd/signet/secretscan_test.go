package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/app"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/keys"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A secretScan looks for values in texts, in all usual encodings. The values
// are listed by a name.
type secretScan struct {
	// secret are values that no text may contain.
	secret map[string][]byte
	// public are values that a dump must contain. A dump without them was not
	// read properly.
	public map[string][]byte
}

// addLogin logs in, refreshes twice, and adds the values that only the client
// may have.
func (s *secretScan) addLogin(t *testing.T, d *device, name string) {
	t.Helper()
	ctx, cancel := asClient(t, d.credentials.ClientID, d.credentials.ClientSecret)
	defer cancel()
	response, err := d.tokens.Login(ctx, &signetv1.LoginRequest{
		Username: d.credentials.Username, Password: d.credentials.Password,
	})
	if err != nil {
		t.Fatal(err)
	}
	id, err := oauth.ParseGrantID(response.GetGrantId())
	if err != nil {
		t.Fatal(err)
	}
	s.public[name], s.public["the user of "+name] = id[:], []byte(response.GetSubject())
	s.secret["the device token of "+name] = []byte(response.GetDeviceToken())

	for generation := range 3 {
		d.store(response.GetRefreshToken())
		what := fmt.Sprintf("generation %d of %s", generation, name)
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(d.token, "sgr_"))
		if err != nil || len(raw) != 45 {
			t.Fatalf("the refresh token has %d bytes: %v", len(raw), err)
		}
		s.secret["the refresh token of "+what], s.secret["the raw refresh token of "+what] = []byte(d.token), raw
		s.secret["the handle of "+what], s.secret["the MAC of "+what] = raw[9:25], raw[29:]
		s.secret["the idempotency key of "+what] = []byte(d.key)
		s.secret["the access token of "+what] = []byte(response.GetAccessToken())
		response, err = d.tokens.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: d.token, IdempotencyKey: d.key})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// addKeys adds the KEK and all keys of the key ring, which it decrypts as a
// server does.
func (s *secretScan) addKeys(t *testing.T, m *machine) {
	t.Helper()
	t.Chdir(m.dir)
	cfg, err := config.Load(config.Sources{DevFile: true, Env: m.env})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(cfg.KEK.File)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(text))
	if s.secret["the KEK"], err = base64.StdEncoding.DecodeString(lines[len(lines)-1]); err != nil {
		t.Fatal(err)
	}
	keks, err := seal.Load(cfg.KEK.File)
	if err != nil {
		t.Fatal(err)
	}

	a, err := app.OpenForOperator(t.Context(), cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ring, err := a.Store.Ring(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, k := range ring.Keys {
		private, err := keks.Open(k.KEK, seal.Label{Table: "keys", ID: k.ID, Algorithm: k.Algorithm}, k.Sealed)
		if err != nil {
			t.Fatal(err)
		}
		found[k.Algorithm]++
		s.public["the kid "+k.ID] = []byte(k.ID)
		s.secret["the private key "+k.Algorithm+" "+k.ID] = private
		if k.Algorithm != keys.MAC {
			s.addPrivateNumbers(t, k.Algorithm+" "+k.ID, private)
		}
	}
	if len(found) != 4 {
		t.Fatalf("the key ring has keys of %v only", found)
	}
}

// addPrivateNumbers adds the secret numbers of a private key. Each of them
// alone reveals the key.
func (s *secretScan) addPrivateNumbers(t *testing.T, name string, der []byte) {
	t.Helper()
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		s.secret["d of "+name] = k.D.Bytes()
		s.secret["p of "+name], s.secret["q of "+name] = k.Primes[0].Bytes(), k.Primes[1].Bytes()
	case *ecdsa.PrivateKey:
		if s.secret["d of "+name], err = k.Bytes(); err != nil {
			t.Fatal(err)
		}
	case ed25519.PrivateKey:
		s.secret["the seed of "+name] = k.Seed()
	}
}

// checkDump checks that a dump of a store has all public and no secret values.
func (s *secretScan) checkDump(t *testing.T, when string, dump []byte) {
	t.Helper()
	for what, secret := range s.secret {
		if len(secret) < 8 {
			t.Errorf("%s has only %d bytes", what, len(secret))
		}
		if encoding, ok := findEncoded(dump, secret); ok {
			t.Errorf("%s: the dump has %s (%s)", when, what, encoding)
		}
	}
	for what, public := range s.public {
		if _, ok := findEncoded(dump, public); !ok {
			t.Errorf("%s: the dump does not have %s", when, what)
		}
	}
}

// checkText checks that a text has no secret value. An empty text is an error.
func (s *secretScan) checkText(t *testing.T, where string, text []byte) {
	t.Helper()
	if len(text) == 0 {
		t.Errorf("%s is empty", where)
	}
	for what, secret := range s.secret {
		if encoding, ok := findEncoded(text, secret); ok {
			t.Errorf("%s: it has %s (%s)", where, what, encoding)
		}
	}
}

// findEncoded reports whether a text contains a value, and in which encoding.
func findEncoded(text, value []byte) (encoding string, ok bool) {
	digits := hex.EncodeToString(value)
	encodings := map[string]string{
		"raw":             string(value),
		"hex":             digits,
		"upper-case hex":  strings.ToUpper(digits),
		"base64":          base64.RawStdEncoding.EncodeToString(value),
		"base64url":       base64.RawURLEncoding.EncodeToString(value),
		"quoted for JSON": strings.Trim(strconv.Quote(string(value)), `"`),
	}
	if len(value) == 16 {
		encodings["UUID"] = strings.Join([]string{
			digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:],
		}, "-")
	}
	for name, encoded := range encodings {
		if bytes.Contains(text, []byte(encoded)) {
			return name, true
		}
	}
	return "", false
}

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/pgtest"
	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/keys"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// TestRule18_FileModes: what Signet made and others may read or exchange is refused.
func TestRule18_FileModes(t *testing.T) {
	testscript.Run(t, scripts("testdata/rule18"))
}

// TestRule19_DumpHoldsNoSecret takes a whole copy of what a store keeps, after a life with everything in it, and looks for
// every secret that the test knows, in all the spellings that a store could keep it in.
func TestRule19_DumpHoldsNoSecret(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		m := newMachine(t)
		lived(t, m, func() []byte { return sqliteDump(t, m) })
	})
	t.Run("postgres", func(t *testing.T) {
		if testing.Short() {
			t.Skip("the same life is led on SQLite")
		}
		database := pgtest.Empty(t)
		kek := filepath.Join(t.TempDir(), "kek")
		m := newMachine(t, "SIGNET_STORE_URL="+database, "SIGNET_KEK_FILE="+kek)
		m.signet("", "keys", "--new-kek", kek, "--set", "issuer=https://login.example.com")
		lived(t, m, func() []byte { return postgresDump(t, database) })
	})
}

// sqliteDump returns the bytes of all files of the store: the file itself, its write-ahead log, its index.
func sqliteDump(t *testing.T, m *machine) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(m.dir, "data", "signet.db*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("the files of the store are %q, %v", files, err)
	}
	var all []byte
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}
	return all
}

func postgresDump(t *testing.T, database string) []byte {
	t.Helper()
	program := postgresProgram("pg_dump")
	var errs bytes.Buffer
	c := exec.Command(program, "--inserts", "--dbname="+database)
	c.Stderr = &errs
	dump, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", program, err, errs.String())
	}
	return dump
}

// postgresProgram returns one of PostgreSQL's own programs.
func postgresProgram(name string) string {
	if initdb, err := exec.LookPath("initdb"); err == nil { // the one beside the server has its version
		if initdb, err = filepath.EvalSymlinks(initdb); err == nil {
			return filepath.Join(filepath.Dir(initdb), name)
		}
	}
	return name
}

// A haul is what must not be in a dump, by what it is, and what must: a dump without it is none.
type haul struct {
	secret map[string][]byte
	public map[string][]byte
}

// lived runs a server through logins, refreshes, new passwords, new secrets and new keys, and searches dump's answer while it
// runs and after it ended.
func lived(t *testing.T, m *machine, dump func() []byte) {
	p := m.start("--dev").ready()
	h := haul{secret: map[string][]byte{}, public: map[string][]byte{}}
	facts := m.facts()
	h.secret["the demo's password"], h.secret["the demo's client secret"] = []byte(facts.Password), []byte(facts.ClientSecret)
	h.secret["a password"], h.secret["the password after it"] = []byte("correct horse battery staple"), []byte("wrong cow charger paperclip")
	m.signet("correct horse battery staple\n", "users", "create", "ada", "--claim", "tenant=acme-corporation")
	h.public["a claim"] = []byte("acme-corporation")

	d := &device{t: t, facts: facts, tokens: tokens(t, m.grpc)}
	d.facts.Username, d.facts.Password = "ada", "correct horse battery staple"
	h.gather(t, d, "the first grant")
	m.signet("wrong cow charger paperclip\n", "users", "set-password", "ada")
	d.facts.Password = "wrong cow charger paperclip"
	var client clientView
	if err := json.Unmarshal([]byte(m.signet("", "clients", "rotate-secret", demoClient, "-o", "json")), &client); err != nil {
		t.Fatal(err)
	}
	h.secret["the new client secret"] = []byte(client.Secret)
	m.signet("", "audiences", "create", "elliptic", "--alg", "ES256")
	m.signet("", "audiences", "create", "edwards", "--alg", "EdDSA")
	if !eventually(func() bool { return strings.Count(m.signet("", "keys"), " now ") >= 8 }) {
		t.Fatal("the keys of the new audiences were not made")
	}
	m.signet("", "keys", "--rotate", "--now", "--alg", "all")
	h.gather(t, d, "the second grant")

	h.gatherKeys(t, m)
	h.search(t, "while it runs", dump())
	if err := p.drain(); err != nil {
		t.Fatal(err)
	}
	h.search(t, "after it ended", dump())
}

// gather logs in, refreshes, and keeps all that only the client may know.
func (h *haul) gather(t *testing.T, d *device, name string) {
	t.Helper()
	ctx, cancel := as(t, d.facts.ClientID, d.facts.ClientSecret)
	defer cancel()
	answer, err := d.tokens.Login(ctx, &signetv1.LoginRequest{Username: d.facts.Username, Password: d.facts.Password})
	if err != nil {
		t.Fatal(err)
	}
	id, err := oauth.ParseGrantID(answer.GetGrantId())
	if err != nil {
		t.Fatal(err)
	}
	h.public[name], h.public["the user of "+name] = id[:], []byte(answer.GetSubject())
	h.secret["the device token of "+name] = []byte(answer.GetDeviceToken())
	for generation := range 3 {
		d.keep(answer.GetRefreshToken())
		what := fmt.Sprintf("generation %d of %s", generation, name)
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(d.token, "sgr_"))
		if err != nil || len(raw) != 45 {
			t.Fatalf("the refresh token has %d bytes: %v", len(raw), err)
		}
		h.secret["the refresh token of "+what], h.secret["the raw refresh token of "+what] = []byte(d.token), raw
		h.secret["the handle of "+what], h.secret["the MAC of "+what] = raw[9:25], raw[29:]
		h.secret["the idempotency key of "+what] = []byte(d.key)
		h.secret["the access token of "+what] = []byte(answer.GetAccessToken())
		answer, err = d.tokens.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: d.token, IdempotencyKey: d.key})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// gatherKeys opens all keys of the ring with the KEK, as only a server can.
func (h *haul) gatherKeys(t *testing.T, m *machine) {
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
	if h.secret["the KEK"], err = base64.StdEncoding.DecodeString(lines[len(lines)-1]); err != nil {
		t.Fatal(err)
	}
	keks, err := seal.Load(cfg.KEK.File)
	if err != nil {
		t.Fatal(err)
	}
	opened := &house{cfg: cfg, metrics: newMetrics()}
	if err := opened.connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer opened.close()
	ring, err := opened.store.Ring(t.Context())
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
		h.public["the kid "+k.ID] = []byte(k.ID)
		h.secret["the private half of "+k.Algorithm+" "+k.ID] = private
		if k.Algorithm != keys.MAC {
			h.numbers(t, k.Algorithm+" "+k.ID, private)
		}
	}
	if len(found) != 4 {
		t.Fatalf("the ring has keys of %v only", found)
	}
}

// numbers are the secret numbers in a private key: each of them alone gives the key away.
func (h *haul) numbers(t *testing.T, name string, der []byte) {
	t.Helper()
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		h.secret["d of "+name], h.secret["p of "+name], h.secret["q of "+name] = k.D.Bytes(), k.Primes[0].Bytes(), k.Primes[1].Bytes()
	case *ecdsa.PrivateKey:
		if h.secret["d of "+name], err = k.Bytes(); err != nil {
			t.Fatal(err)
		}
	case ed25519.PrivateKey:
		h.secret["the seed of "+name] = k.Seed()
	}
}

// search looks for everything in a dump.
func (h *haul) search(t *testing.T, when string, dump []byte) {
	t.Helper()
	for what, secret := range h.secret {
		if len(secret) < 8 {
			t.Errorf("%s has %d bytes only", what, len(secret))
		}
		if spelling, ok := within(dump, secret); ok {
			t.Errorf("%s the dump holds %s (%s)", when, what, spelling)
		}
	}
	for what, public := range h.public {
		if _, ok := within(dump, public); !ok {
			t.Errorf("%s the dump does not even hold %s", when, what)
		}
	}
}

// within says in which spelling a dump holds what.
func within(dump, what []byte) (spelling string, ok bool) {
	digits := hex.EncodeToString(what)
	spellings := map[string]string{
		"as it is":                 string(what),
		"in digits":                digits,
		"in upper-case digits":     strings.ToUpper(digits),
		"in base64":                base64.RawStdEncoding.EncodeToString(what),
		"in base64url":             base64.RawURLEncoding.EncodeToString(what),
		"in an SQL or JSON string": strings.Trim(strconv.Quote(string(what)), `"`),
	}
	if len(what) == 16 {
		spellings["as a UUID"] = strings.Join([]string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]}, "-")
	}
	for name, text := range spellings {
		if bytes.Contains(dump, []byte(text)) {
			return name, true
		}
	}
	return "", false
}

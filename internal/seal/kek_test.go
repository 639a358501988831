package seal

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// set returns a set of these KEKs.
func set(keks ...KEK) *KEKs { return &KEKs{keks: keks} }

func TestOpen_ReturnsOnlyWhatSealMade(t *testing.T) {
	kek := NewKEK()
	keks := set(kek)
	label := Label{Table: "keys", ID: "kid", Algorithm: "ES256"}
	sealed, err := keks.Seal(kek.ID, label, []byte("private half"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := keks.Seal(kek.ID, label, []byte("private half"))
	if err != nil || bytes.Equal(sealed, again) {
		t.Errorf("two calls of Seal returned the same bytes (error %v)", err)
	}
	if plain, err := keks.Open(kek.ID, label, sealed); err != nil || string(plain) != "private half" {
		t.Fatalf("Open = %q, %v", plain, err)
	}
	for name, other := range map[string]Label{
		"other table":      {Table: "users", ID: "kid", Algorithm: "ES256"},
		"other id":         {Table: "keys", ID: "kie", Algorithm: "ES256"},
		"other algorithm":  {Table: "keys", ID: "kid", Algorithm: "RS256"},
		"shifted boundary": {Table: "key", ID: "skid", Algorithm: "ES256"},
	} {
		if _, err := keks.Open(kek.ID, other, sealed); err == nil {
			t.Errorf("%s: Open returned no error", name)
		}
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := keks.Open(kek.ID, label, changed); err == nil {
			t.Errorf("byte %d changed: Open returned no error", i)
		}
	}
	other := NewKEK()
	if _, err := set(other).Open(kek.ID, label, sealed); err == nil {
		t.Error("missing KEK: Open returned no error")
	}
	if _, err := set(other).Open(other.ID, label, sealed); err == nil {
		t.Error("another KEK: Open returned no error")
	}
}

func TestKEK_IDAndCheckValue(t *testing.T) {
	raw := [32]byte{1, 2, 3}
	kek := newKEK(raw)
	sum := sha256.Sum256([]byte("signet kek id\x00" + string(raw[:])))
	if want := hex.EncodeToString(sum[:8]); kek.ID != want {
		t.Errorf("ID = %s, want %s", kek.ID, want)
	}
	mac := hmac.New(sha256.New, raw[:])
	mac.Write([]byte("signet kek check\x00" + kek.ID))
	if check, err := set(kek).CheckValue(kek.ID); err != nil || !hmac.Equal(check, mac.Sum(nil)) {
		t.Errorf("Check = %x, %v, want %x", check, err, mac.Sum(nil))
	}
	if _, err := set(kek).CheckValue("0000000000000000"); err == nil {
		t.Error("missing KEK: Check returned no error")
	}
}

func TestKEK_IsNeverPrinted(t *testing.T) {
	kek := newKEK([32]byte([]byte("canary-canary-canary-canary-cana")))
	keks := &KEKs{keks: []KEK{kek}}
	// fmt does not call the methods of unexported fields.
	type wrapper struct{ inner KEK }
	var out bytes.Buffer
	for _, v := range []any{kek, &kek, keks, *keks, wrapper{kek}, &wrapper{kek}, []KEK{kek}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("kek", "kek", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("kek", "kek", v)
		if err := json.NewEncoder(&out).Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	canary := []byte("canary")
	for _, form := range []string{
		string(canary), hex.EncodeToString(canary), strings.ToUpper(hex.EncodeToString(canary)),
		strings.Trim(fmt.Sprint(canary), "[]"), base64.StdEncoding.EncodeToString(canary), "0x63, 0x61, 0x6e",
	} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the output contains the KEK as %q", form)
		}
	}
}

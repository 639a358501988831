package token

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

func TestDevice_IsValidForItsAccountAndKey(t *testing.T) {
	// Computed by an independent program from the layout.
	const golden = "sgd_AQEjRWeJq83voKGio6SlpqeoqaqrrK2ur46MerSBWOsN7s1GfSuLI5Yk_Cfm"
	encoded, err := EncodeDevice(keyID, secret, "usr_alice")
	if err != nil {
		t.Fatal(err)
	}
	second, err := EncodeDevice(keyID, secret, "usr_alice")
	if err != nil || second == encoded {
		t.Errorf("two devices have the same token: %v", err)
	}
	for _, text := range []string{golden, encoded} {
		device, err := ParseDevice(text)
		if err != nil || device.KeyID != keyID {
			t.Fatalf("parsed %+v, %v", device, err)
		}
		if !device.ValidFor("usr_alice", secret) {
			t.Errorf("%s is not valid for its account", text)
		}
		for _, other := range []string{"", "usr_alic", "usr_alice2", "usr_bob", "USR_ALICE", "usr_alice\x00"} {
			if device.ValidFor(other, secret) {
				t.Errorf("%s is valid for %q", text, other)
			}
		}
		if device.ValidFor("usr_alice", nil) || device.ValidFor("usr_alice", make([]byte, 32)) {
			t.Errorf("%s is valid with another key", text)
		}
	}
	for _, key := range []string{"", "0123456789ABCDEF"} {
		if text, err := EncodeDevice(key, secret, "usr_alice"); err == nil {
			t.Errorf("key %q: encoded %s", key, text)
		}
	}
	if text, err := EncodeDevice(keyID, secret[:31], "usr_alice"); err == nil {
		t.Errorf("a short secret: encoded %s", text)
	}
}

func TestDevice_ChangedTokenIsRejected(t *testing.T) {
	good, err := EncodeDevice(keyID, secret, "usr_alice")
	if err != nil {
		t.Fatal(err)
	}
	wantRejected := func(what, text string) {
		t.Helper()
		device, err := ParseDevice(text)
		if err != nil && !errors.Is(err, ErrInvalid) || err == nil && device.ValidFor("usr_alice", secret) {
			t.Errorf("%s: %q is accepted, %v", what, text, err)
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(good[4:])
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(raw) * 8 {
		raw[bit/8] ^= 1 << (bit % 8)
		wantRejected("a bit changed", devicePrefix+base64.RawURLEncoding.EncodeToString(raw))
		raw[bit/8] ^= 1 << (bit % 8)
	}
	for i := range good {
		wantRejected("truncated", good[:i])
		wantRejected("a line break", good[:i]+"\n"+good[i:])
	}
	wantRejected("extended", good+"AAAA")
	wantRejected("lower case", strings.ToLower(good))
	f := frame{version}
	copy(f[deviceMAC:], mac(nil, deviceMAC, deviceLabel, f[:deviceMAC], []byte("usr_alice")).Bytes())
	if device, err := ParseDevice(f.text(devicePrefix)); err != nil || device.ValidFor("usr_alice", nil) {
		t.Errorf("a token is valid without a secret: %v", err)
	}
	// Device tokens and refresh tokens share the frame and the key, but neither
	// is valid as the other.
	refresh, err := Refresh{KeyID: keyID, Handle: handle, Generation: 1}.Encode(secret)
	if err != nil {
		t.Fatal(err)
	}
	wantRejected("a refresh token", refresh)
	wantRejected("a refresh token with the prefix of a device token", devicePrefix+refresh[4:])
	if _, err := parseAndOpen(refreshPrefix+good[4:], secret); err == nil {
		t.Error("a device token with the prefix of a refresh token is valid")
	}
}

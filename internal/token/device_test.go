package token

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

func TestDevice(t *testing.T) {
	// Computed by another program, from the layout alone.
	const golden = "sgd_AQEjRWeJq83voKGio6SlpqeoqaqrrK2ur46MerSBWOsN7s1GfSuLI5Yk_Cfm"
	made, err := EncodeDevice(keyID, secret, "usr_alice")
	if err != nil {
		t.Fatal(err)
	}
	second, err := EncodeDevice(keyID, secret, "usr_alice")
	if err != nil || second == made {
		t.Errorf("two devices have one token: %v", err)
	}
	for _, text := range []string{golden, made} {
		device, err := ParseDevice(text)
		if err != nil || device.Key != keyID {
			t.Fatalf("parsed %+v, %v", device, err)
		}
		if !device.Of("usr_alice", secret) {
			t.Errorf("%s is not its account's", text)
		}
		for _, other := range []string{"", "usr_alic", "usr_alice2", "usr_bob", "USR_ALICE", "usr_alice\x00"} {
			if device.Of(other, secret) {
				t.Errorf("%s is that of %q, too", text, other)
			}
		}
		if device.Of("usr_alice", nil) || device.Of("usr_alice", make([]byte, 32)) {
			t.Errorf("%s is good under another key", text)
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

func TestChangedDeviceToken(t *testing.T) {
	good, err := EncodeDevice(keyID, secret, "usr_alice")
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what, text string) {
		t.Helper()
		device, err := ParseDevice(text)
		if err != nil && !errors.Is(err, ErrInvalid) || err == nil && device.Of("usr_alice", secret) {
			t.Errorf("%s: %q is taken, %v", what, text, err)
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(good[4:])
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(raw) * 8 {
		raw[bit/8] ^= 1 << (bit % 8)
		refused("a bit changed", devicePrefix+base64.RawURLEncoding.EncodeToString(raw))
		raw[bit/8] ^= 1 << (bit % 8)
	}
	for i := range good {
		refused("truncated", good[:i])
		refused("a line break", good[:i]+"\n"+good[i:])
	}
	refused("extended", good+"AAAA")
	refused("lower case", strings.ToLower(good))
	f := frame{version}
	copy(f[deviceMAC:], mac(nil, deviceLabel, f[:deviceMAC], []byte("usr_alice")))
	if device, err := ParseDevice(f.text(devicePrefix)); err != nil || device.Of("usr_alice", nil) {
		t.Errorf("a token is good under no key: %v", err)
	}
	// A token of the one kind never serves as the other, though frame and key are the same.
	refresh, err := Refresh{Key: keyID, Handle: handle, Generation: 1}.Encode(secret)
	if err != nil {
		t.Fatal(err)
	}
	refused("a refresh token", refresh)
	refused("a refresh token renamed", devicePrefix+refresh[4:])
	if _, err := open(refreshPrefix+good[4:], secret); err == nil {
		t.Error("a device token renamed opens as a refresh token")
	}
}

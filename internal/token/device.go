package token

import "crypto/rand"

// A device token is a prefix and a frame with these bytes:
//
//	0   version, 1
//	1   id of the MAC key, 8 bytes
//	9   random, 16 bytes
//	25  the first 20 bytes of HMAC-SHA-256(secret, data), where data is
//	    deviceLabel + bytes 0 to 24 + user id
//
// It shows that a user has logged in to this account from this device before.
// It authorizes nothing.
const (
	devicePrefix = "sgd_"
	deviceLabel  = "signet device token\x00"
	deviceMAC    = 25 // offset of the MAC
)

// Device is a well-formed device token whose MAC has not been verified.
type Device struct {
	// KeyID is the id of the MAC key that the token names, 16 lower-case
	// hexadecimal digits.
	KeyID string
	frame frame
}

// EncodeDevice returns a new device token for the user's account. secret is the
// secret of the MAC key, with at least 32 bytes.
func EncodeDevice(key string, secret []byte, userID string) (string, error) {
	f, err := newFrame(key, secret)
	if err != nil {
		return "", err
	}
	rand.Read(f[9:deviceMAC]) // never fails
	copy(f[deviceMAC:], mac(secret, deviceMAC, deviceLabel, f[:deviceMAC], []byte(userID)).Bytes())
	return f.text(devicePrefix), nil
}

// ParseDevice decodes a device token and returns the id of its MAC key. It does
// not verify the MAC. Every error is ErrInvalid.
func ParseDevice(text string) (Device, error) {
	f, err := parseFrame(devicePrefix, text)
	if err != nil {
		return Device{}, err
	}
	return Device{KeyID: f.key(), frame: f}, nil
}

// ValidFor reports, in constant time, whether the token was made for the user's
// account. secret is the secret of the MAC key d.Key.
func (d Device) ValidFor(userID string, secret []byte) bool {
	if len(secret) < minSecret {
		return false
	}
	want := mac(secret, deviceMAC, deviceLabel, d.frame[:deviceMAC], []byte(userID))
	return d.frame.mac(deviceMAC).Equal(want)
}

package token

import (
	"crypto/hmac"
	"crypto/rand"
)

// A device token has the frame of a refresh token, filled so:
//
//	0   version, 1
//	1   id of the MAC key, 8 bytes
//	9   random, 16 bytes
//	25  the first 20 bytes of HMAC-SHA-256(secret, deviceLabel + bytes 0 to 24 + user id)
//
// It says that somebody has logged in to this account from this device. It opens nothing.
const (
	devicePrefix = "sgd_"
	deviceLabel  = "signet device token\x00"
	deviceMAC    = 25 // where it begins
)

// Device is a device token that has the right shape. Whether it is ours is not known before Of.
type Device struct {
	// Key is the id of the MAC key that it claims to be made under, 16 lower-case hexadecimal digits.
	Key   string
	frame frame
}

// EncodeDevice returns a new device token for the user's account, made under the secret of the MAC key. The secret has 32
// bytes at least.
func EncodeDevice(key string, secret []byte, userID string) (string, error) {
	f, err := newFrame(key, secret)
	if err != nil {
		return "", err
	}
	rand.Read(f[9:deviceMAC]) // never fails
	copy(f[deviceMAC:], mac(secret, deviceLabel, f[:deviceMAC], []byte(userID)))
	return f.text(devicePrefix), nil
}

// ParseDevice reads the shape of a device token and the id of its MAC key, without any secret. Every error is ErrInvalid.
func ParseDevice(text string) (Device, error) {
	f, err := parseFrame(devicePrefix, text)
	if err != nil {
		return Device{}, err
	}
	return Device{Key: f.key(), frame: f}, nil
}

// Of says, in constant time, whether the token was made for that user's account under the secret of the MAC key d.Key.
func (d Device) Of(userID string, secret []byte) bool {
	return len(secret) >= minSecret &&
		hmac.Equal(d.frame[deviceMAC:], mac(secret, deviceLabel, d.frame[:deviceMAC], []byte(userID))[:frameSize-deviceMAC])
}

package password

import "strings"

// cryptDigits is the alphabet of crypt(3) and phpass. The first digit is 0.
const cryptDigits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// maxCryptPassword is the maximum length of a password in bytes for formats
// whose every round processes the whole password. libxcrypt has the same one.
const maxCryptPassword = 512

// cutPassword returns at most the first maxCryptPassword bytes, and whether
// these are all. A longer password has the cost of the longest one, and does
// not match.
func cutPassword(password []byte) (cut []byte, short bool) {
	return password[:min(len(password), maxCryptPassword)], len(password) <= maxCryptPassword
}

// encodeCrypt returns the digits of b in the alphabet cryptDigits. Each three
// bytes are a number with the least significant byte first, and so are its
// digits.
func encodeCrypt(b []byte) (digits []byte) {
	for i, c := 0, uint(0); i < len(b); i += 3 {
		chunk := b[i:min(i+3, len(b))]
		c = 0
		for j, v := range chunk {
			c |= uint(v) << (8 * j)
		}
		for range len(chunk) + 1 {
			digits = append(digits, cryptDigits[c&0x3f])
			c >>= 6
		}
	}
	return digits
}

// cryptZeros returns n digits 0 of the alphabet cryptDigits.
func cryptZeros(n int) string { return strings.Repeat(cryptDigits[:1], n) }

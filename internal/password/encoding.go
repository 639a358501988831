package password

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
)

// parseNumbers parses name=number,… with exactly the given names in the given
// order. The result has as many numbers as names, also if ok is false.
func parseNumbers(text string, names ...string) (numbers []int, ok bool) {
	numbers = make([]int, len(names))
	fields := strings.Split(text, ",")
	if len(fields) != len(names) {
		return numbers, false
	}

	for i, name := range names {
		digits, named := strings.CutPrefix(fields[i], name+"=")
		n, isNumber := parseNumber(digits)
		if !named || !isNumber {
			return numbers, false
		}
		numbers[i] = n
	}
	return numbers, true
}

// parseNumber parses a decimal number below 2^31 without a sign or leading
// zeros.
func parseNumber(digits string) (int, bool) {
	n, err := strconv.ParseInt(digits, 10, 32)
	return int(n), err == nil && n >= 0 && strconv.FormatInt(n, 10) == digits
}

// decode decodes base64 of least to most bytes. Programs use several alphabets,
// so decode accepts three pairs of special characters: + and /, - and _, and
// passlib's . and /. Padding is optional.
func decode(text string, least, most int) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") { // the decoder ignores them
		return nil, errFormat
	}
	standard := strings.NewReplacer("-", "+", "_", "/", ".", "+").Replace(strings.TrimRight(text, "="))
	b, err := base64.RawStdEncoding.DecodeString(standard)
	if err != nil || len(b) < least || len(b) > most {
		return nil, errFormat
	}
	return b, nil
}

// decodeStandard decodes base64 of least to most bytes with padding, in its one
// exact form.
func decodeStandard(text string, least, most int) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) < least || len(b) > most || base64.StdEncoding.EncodeToString(b) != text {
		return nil, errFormat
	}
	return b, nil
}

// decodeHex decodes lower-case hexadecimal digits of size bytes.
func decodeHex(text string, size int) ([]byte, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != size || hex.EncodeToString(b) != text {
		return nil, errFormat
	}
	return b, nil
}

// textSalt returns a salt that is text. A program that writes such a salt uses
// its bytes.
func textSalt(text string) ([]byte, error) {
	if text == "" || len(text) > maxSalt {
		return nil, errFormat
	}
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' || c == '$' {
			return nil, errFormat
		}
	}
	return []byte(text), nil
}

// zeros returns text with A in place of all characters but the padding. A is
// zero in base64. In the other alphabets it is a digit as well.
func zeros(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '=' {
			return r
		}
		return 'A'
	}, text)
}

// join returns $ and the fields, separated by $.
func join(fields ...string) string { return "$" + strings.Join(fields, "$") }

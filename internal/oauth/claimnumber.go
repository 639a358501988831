package oauth

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// maxClaimNumber is the largest integer of which a float64 also has every
// neighbour: 2^53-1. Many readers of tokens keep numbers in this format
// (RFC 7493 §2.2).
const maxClaimNumber = 1<<53 - 1

// ClaimNumberRule says what a number in a claim must be.
const ClaimNumberRule = "must be between -9007199254740991 and 9007199254740991 " +
	"and must not have more digits than a float64 keeps; use text instead"

// ValidClaimNumber reports whether a claim may have this number. A larger one
// is perhaps not the number that the caller meant, but the float64 next to it.
func ValidClaimNumber(n float64) bool { return math.Abs(n) <= maxClaimNumber }

// isClaimNumber reports whether the value is a number that a claim may have, or
// no number.
func isClaimNumber(value any) bool {
	switch n := value.(type) {
	case float64:
		return ValidClaimNumber(n)
	case json.Number:
		return isExact(n.String())
	}
	return true
}

// isExact reports whether a claim may have the number of this literal, and the
// token that has it as a float64 will have the same number. It is false for
// 1e400, and for 0.12345678901234567890, of which the token would have fewer
// digits.
func isExact(literal string) bool {
	n, err := strconv.ParseFloat(literal, 64)
	if err != nil || !ValidClaimNumber(n) {
		return false
	}
	if n == 0 { // of a literal that is zero, or too small for a float64
		mantissa, _, _ := strings.Cut(strings.ToLower(literal), "e")
		return !strings.ContainsAny(mantissa, "123456789")
	}
	given, ok := new(big.Rat).SetString(literal)
	written, _ := new(big.Rat).SetString(strconv.FormatFloat(n, 'g', -1, 64))
	return ok && given.Cmp(written) == 0
}

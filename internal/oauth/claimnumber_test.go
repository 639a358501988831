package oauth

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"
)

// checkNumber returns the error of CheckClaims for a claim with the number.
func checkNumber(n any) error { return CheckClaims(map[string]any{"n": n}) }

func TestCheckClaims_Numbers(t *testing.T) {
	for literal, valid := range map[string]bool{
		"0": true, "-0": true, "0.000": true, "0e5": true, "7": true, "-7": true, "1.50": true, "0.1": true,
		"1e3": true, "1E+3": true, "1e-7": true, "9007199254740991": true, "-9007199254740991": true,
		"9007199254740991.0": true, "900719925474099.1e1": true, "0.1e1": true, "5e-324": true,
		"3.141592653589793": true,

		"9007199254740992": false, "9007199254740993": false, "-9007199254740992": false,
		"12345678901234567890": false, "9007199254740990.9": false, "9007199254740991.4": false,
		"0.12345678901234567890": false, "3.14159265358979323846": false, "1e16": false, "1e308": false,
		"1e400": false, "-1e400": false, "1e-400": false, "2e-324": false, "1e-99999999999999999999": false,
		"1e99999999999999999999": false, "0." + strings.Repeat("0", 3000) + "1": false, "": false, "x": false,
		"0x10": false, "1_0": false, "NaN": false, "Infinity": false, "1/2": false,
	} {
		err := checkNumber(json.Number(literal))
		if (err == nil) != valid || err != nil && !errors.Is(err, InvalidRequest) {
			t.Errorf("%.40s: error %v, want valid %v", literal, err, valid)
		}
	}
	for n, valid := range map[float64]bool{
		0: true, 0.1: true, 1<<53 - 1: true, -(1<<53 - 1): true,
		1 << 53: false, -(1 << 53): false, math.MaxFloat64: false, math.Inf(1): false, math.NaN(): false,
	} {
		if err := checkNumber(n); (err == nil) != valid {
			t.Errorf("%v: error %v, want valid %v", n, err, valid)
		}
	}
}

// A number that CheckClaims accepts has the same value after a store has read
// it as a float64 and a token has it.
func FuzzCheckClaims_NumbersKeepTheirValue(f *testing.F) {
	for _, seed := range []string{
		"0", "-0", "0.1", "9007199254740991", "9007199254740993", "1e400", "1e-400", "0.12345678901234567890", "1E5",
		"5e-324", "123456789012345680000", "0.30000000000000004", "1e-999999999", "0e999999999",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, literal string) {
		given, err := json.Marshal(map[string]any{"n": json.Number(literal)})
		if err != nil || checkNumber(json.Number(literal)) != nil {
			return
		}
		var stored map[string]float64
		if err := json.Unmarshal(given, &stored); err != nil {
			t.Fatalf("%q is accepted, and no store can read it: %v", literal, err)
		}
		written, err := json.Marshal(stored["n"])
		if err != nil {
			t.Fatal(err)
		}
		want, ok := new(big.Rat).SetString(literal)
		if !ok {
			want = new(big.Rat) // big.Rat reads no exponent above a million
		}
		if got, _ := new(big.Rat).SetString(string(written)); got.Cmp(want) != 0 {
			t.Fatalf("%q became %s", literal, written)
		}
	})
}

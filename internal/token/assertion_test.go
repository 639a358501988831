package token

import (
	"crypto"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/keys"
)

// verifyAssertion verifies an assertion of the client robot for the audience
// issuer. Its key is that of EdDSA.
func verifyAssertion(t *testing.T, typ, payload string, now time.Time) (Assertion, error) {
	t.Helper()
	find := func(_, kid string) (string, crypto.PublicKey, error) { return kid, signers()[kid].Public(), nil }
	return VerifyAssertion(signPayload(t, keys.EdDSA, typ, payload), []string{issuer}, find, now)
}

// assertionPayload returns the claims of an assertion with these further ones.
func assertionPayload(claims string) string {
	return fmt.Sprintf(`{"iss":"robot","sub":"robot","aud":%q,"jti":"1",%s}`, issuer, claims)
}

// A NumericDate may have a fraction and an exponent (RFC 7519 §2). It is
// compared as exactly as it is written: no rounding makes an exp later.
func TestVerifyAssertion_NumericDates(t *testing.T) {
	second := issued.Unix()
	for claims, valid := range map[string]map[time.Duration]bool{
		// Each exp is some time after the second.
		`"exp":%d`:                              {-time.Nanosecond: true, 0: false},
		`"exp":%d.0`:                            {-time.Nanosecond: true, 0: false},
		`"exp":%d.25`:                           {249999 * time.Microsecond: true, 250 * time.Millisecond: false},
		`"exp":%d.25e0`:                         {249999 * time.Microsecond: true, 250 * time.Millisecond: false},
		`"exp":%d25E-2`:                         {249999 * time.Microsecond: true, 250 * time.Millisecond: false},
		`"exp":0.00000%d25e+15`:                 {249999 * time.Microsecond: true, 250 * time.Millisecond: false},
		`"exp":%d.9999999999999`:                {time.Second - 2: true, time.Second - 1: false},
		`"exp":%d.000000001`:                    {0: true, time.Nanosecond: false},
		`"exp":%[1]d.5,"iat":%[1]d.5`:           {0: true},
		`"exp":%[1]d.5,"nbf":%[1]d.000001`:      {0: true},
		`"exp":%d.5,"iat":1.5e1`:                {0: true},
		`"exp":%d.5,"iat":0.0,"nbf":1`:          {0: false},
		`"exp":%[1]d.5,"iat":1%[1]d.25`:         {0: false},
		`"exp":-%d`:                             {-time.Hour: false, 0: false},
		`"exp":1e400`:                           {0: false},
		`"exp":1e-400`:                          {0: false},
		`"exp":1e999999999999999999999`:         {0: false},
		`"exp":253402300800`:                    {0: false},
		`"exp":253402300799.9999999999`:         {0: false},
		`"exp":"%d.5"`:                          {0: false},
		`"exp":true`:                            {0: false},
		`"exp":null`:                            {0: false},
		`"exp":[%d.5]`:                          {0: false},
		`"exp":%d.` + strings.Repeat("9", 4000): {0: false},
	} {
		if strings.Contains(claims, "%") {
			claims = fmt.Sprintf(claims, second)
		}
		for after, want := range valid {
			_, err := verifyAssertion(t, "JWT", assertionPayload(claims), time.Unix(second, 0).Add(after))
			if (err == nil) != want || err != nil && !errors.Is(err, ErrInvalid) {
				t.Errorf("%.60s at %v: error %v, want valid %v", claims, after, err, want)
			}
		}
	}
}

// An exponent makes a short number of which the exact value has a million
// digits. The caller is not authenticated yet, so the server must not compute
// it.
func TestVerifyAssertion_NumericDateCostsLittle(t *testing.T) {
	for _, number := range []string{"1e-999999", "0e-999999", "1e999999", "123456789e-999990"} {
		const maxBytes = 256 << 10
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := verifyAssertion(t, "JWT", assertionPayload(`"exp":`+number), issued)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("exp %s: %v, want ErrInvalid", number, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > maxBytes {
			t.Errorf("exp %s: %d bytes of memory, want at most %d", number, used, maxBytes)
		}
	}
}

func TestVerifyAssertion_Types(t *testing.T) {
	payload := assertionPayload(fmt.Sprintf(`"exp":%d`, issued.Add(time.Minute).Unix()))
	for typ, want := range map[string]bool{
		"JWT": true, "jwt": true, "": true, "application/jwt": true, "client-authentication+jwt": true,
		"application/client-authentication+jwt": true, "at+jwt": false, "application/at+jwt": false, "JWT ": false,
	} {
		if _, err := verifyAssertion(t, typ, payload, issued); (err == nil) != want {
			t.Errorf("typ %q: error %v, want valid %v", typ, err, want)
		}
	}
}

// The error tells the log what is wrong, in fixed words, and the result has the
// id that the assertion claims.
func TestVerifyAssertion_ErrorHasTheReason(t *testing.T) {
	exp := fmt.Sprintf(`"exp":%d`, issued.Add(time.Minute).Unix())
	for payload, want := range map[string]string{
		`{"sub":"robot",` + exp + `}`:                                              "iss is missing",
		assertionPayload(`"exp":"x"`):                                              "exp is malformed",
		assertionPayload(`"nbf":1`):                                                "exp is missing",
		assertionPayload(exp + `,"iat":-1`):                                        "iat is malformed",
		assertionPayload(`"exp":1`):                                                "expired",
		assertionPayload(exp + `,"exp":1`):                                         "JSON has a duplicate member",
		assertionPayload(exp + `,"nbf":99999999999`):                               "not valid yet",
		assertionPayload(`"exp":99999999999`):                                      "exp is too far in the future",
		strings.Replace(assertionPayload(exp), issuer, "https://other.example", 1): "aud has another recipient",
	} {
		a, err := verifyAssertion(t, "JWT", payload, issued)
		claimed := "robot"
		if strings.Contains(want, "duplicate") {
			claimed = ""
		}
		if err == nil || err.Error() != ErrInvalid.Error()+": "+want || a != (Assertion{ClientID: claimed}) {
			t.Errorf("%s: got %v, error %v, want %s", payload, a, err, want)
		}
	}
}

package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// wantInvalid fails the test unless a signed at+jwt with the payload is
// rejected with ErrInvalid, and not with ErrRefused, at the time of its iat.
func wantInvalid(t *testing.T, what, payload string) {
	t.Helper()
	wantInvalidToken(t, what, signPayload(t, keys.EdDSA, accessType, payload))
}

// wantInvalidToken is wantInvalid for a whole token.
func wantInvalidToken(t *testing.T, what, text string) {
	t.Helper()
	a, err := verify(text, issuer, issued)
	if !errors.Is(err, ErrInvalid) || errors.Is(err, ErrRefused) {
		t.Errorf("%s: read %+v, %v", what, a, err)
	}
	if a.Subject != "" || a.Claims != nil {
		t.Errorf("%s: a rejected token has claims", what)
	}
}

// payloadWith returns the payload of fullAccess with one member replaced, or
// removed if value is empty.
func payloadWith(t *testing.T, name, value string) string {
	t.Helper()
	payload, err := fullAccess().appendPayload(nil)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(payload, &members); err != nil {
		t.Fatal(err)
	}
	delete(members, name)
	if value != "" {
		members[name] = json.RawMessage(value)
	}
	changed, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(changed)
}

// Rule 7: a token is rejected if its JSON has duplicate members, case variants
// of standard claims, trailing bytes, a byte order mark or invalid UTF-8.
func TestRule07_Claims(t *testing.T) {
	good := payloadWith(t, "extra", `"x"`)
	if _, err := verify(signPayload(t, keys.EdDSA, accessType, good), issuer, issued); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"exp", "sub", "aud", "tenant"} {
		for _, twice := range []string{name, fmt.Sprintf(`\u%04x%s`, name[0], name[1:])} {
			wantInvalid(t, name+" twice", good[:len(good)-1]+`,"`+twice+`":1}`)
			wantInvalid(t, name+" twice, first", `{"`+twice+`":1,`+good[1:])
		}
	}
	for _, variant := range []string{
		"Exp", "EXP", "eXp", "Sub", "SUB", "Iss", "Aud", "Client_ID", "Scope", "Iat", "Jti", "Auth_Time", "ACR", "AMR",
		"Sid", "SID", "Nbf",
		"\u017fub", "i\u017fs", " exp", "exp ", "", "1", "\u00e9", "a\u0000b",
	} {
		quoted, err := json.Marshal(variant)
		if err != nil {
			t.Fatal(err)
		}
		wantInvalid(t, string(quoted), good[:len(good)-1]+`,`+string(quoted)+`:"x"}`)
	}
	for what, payload := range map[string]string{
		"trailing": good + "x", "a second object": good + "{}", "a line after": good + "\n",
		"a space before": " " + good, "a BOM": "\ufeff" + good,
		"not UTF-8": good[:len(good)-1] + ",\"u\":\"\xff\"}", "half a surrogate": good[:len(good)-1] + `,"u":"\ud800"}`,
		"cut": good[:len(good)-1], "empty": "", "an empty object": "{}", "an array": "[" + good + "]", "null": "null",
	} {
		wantInvalid(t, what, payload)
	}
	for _, name := range []string{"cnf", "act", "azp", "nonce", "scp", "token_type", "authorization_details"} {
		wantInvalid(t, "a "+name, payloadWith(t, name, `"x"`))
	}
	for name, values := range map[string][]string{
		"iss": {"", `""`, "1", "null", `["` + issuer + `"]`}, "sub": {"", `""`, "1", "null", "true", `["usr_alice"]`},
		"client_id": {"", `""`, "1", `"a b"`}, "jti": {"", `""`, "1", "null"},
		"scope": {"1", `["read"]`, `""`, `" "`, `"read  write"`, `"a\"b"`},
		"acr":   {"1", "null", `""`}, "amr": {`"pwd"`, "[]", "[1]", `[""]`, `[null]`, "null", "{}"},
		"sid":       {"1", `""`, `"503563C1BDA45327FF4617750A06BD81"`, `"503563c1"`},
		"auth_time": {`"1"`, "0", "-1", "1.5", "null"},
	} {
		for _, value := range values {
			wantInvalid(t, name+" "+value, payloadWith(t, name, value))
		}
	}
}

// Rule 11: a token of another type is not valid as an access token. The tests
// of the other types check that an access token is not valid as one of them.
func TestRule11_OtherTypes(t *testing.T) {
	payload := payloadWith(t, "extra", `"x"`)
	for _, typ := range []string{"JWT", "at+JWT", "AT+JWT", "application/at+jwt", "at+jwt ", "logout+jwt", "at", ""} {
		wantInvalidToken(t, "typ "+typ, signPayload(t, keys.EdDSA, typ, payload))
	}
	refresh, err := Refresh{KeyID: "0123456789abcdef", Handle: NewHandle()}.Encode(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	wantInvalidToken(t, "a refresh token", refresh)
	access := signPayload(t, keys.EdDSA, accessType, payload)
	if HasRefreshPrefix(access) || !HasRefreshPrefix(refresh) {
		t.Error("access and refresh tokens do not differ in their prefix")
	}
}

// Rule 12: the iss must be the issuer byte for byte, and the aud must be
// well-formed.
func TestRule12_IssuerAndAudience(t *testing.T) {
	for _, other := range []string{
		issuer + "/", "https://Issuer.example", "HTTPS://issuer.example", "http://issuer.example", issuer + ":443",
		" " + issuer, issuer + " ",
		"https://issuer.example.evil.example", "https://issuer.exampl", "https://issuer.example?",
		"https://xn--issuer.example",
	} {
		quoted, err := json.Marshal(other)
		if err != nil {
			t.Fatal(err)
		}
		wantInvalid(t, "iss "+other, payloadWith(t, "iss", string(quoted)))
	}
	many := `"a"` + strings.Repeat(`,"a"`, oauth.MaxAudiences)
	for _, aud := range []string{
		"", "null", `""`, "1", "true", "{}", "[]", `[""]`, `["reports",""]`, `["reports",1]`, `["reports",null]`,
		`[["reports"]]`, `"a b"`, `["a\nb"]`, "[" + many + "]",
	} {
		wantInvalid(t, "aud "+aud, payloadWith(t, "aud", aud))
	}
	// The caller checks the audience, so all of aud is returned in order.
	for aud, want := range map[string][]string{
		`"reports"`: {"reports"}, `["reports"]`: {"reports"}, `["stranger","reports"]`: {"stranger", "reports"},
	} {
		text := signPayload(t, keys.EdDSA, accessType, payloadWith(t, "aud", aud))
		a, err := verify(text, issuer, issued)
		if err != nil || !slices.Equal(a.Audience, want) {
			t.Errorf("aud %s: read %q, %v", aud, a.Audience, err)
		}
	}
}

// Rule 13: a token is rejected if exp has passed or is missing, or if iat or
// nbf is in the future by more than the allowed clock skew.
func TestRule13_Times(t *testing.T) {
	for _, name := range []string{"exp", "iat", "nbf"} {
		for _, value := range []string{
			`"1795435200"`, "1795435200.0", "1795435200.5", "1.7954352e9", "1795435200e0", "-1795435200", "-0", "0",
			"null", "true", "[1795435200]", "{}", `""`,
			"99999999999999999999", "253402300800", "9223372036854775807", "18446744073709551616",
		} {
			wantInvalid(t, name+" "+value, payloadWith(t, name, value))
		}
	}
	wantInvalid(t, "no exp", payloadWith(t, "exp", ""))
	wantInvalid(t, "no iat", payloadWith(t, "iat", ""))
	wantInvalid(t, "exp before iat", payloadWith(t, "exp", fmt.Sprint(issued.Unix()-1)))
	for _, name := range []string{"iat", "nbf"} {
		late := payloadWith(t, name, fmt.Sprint(issued.Add(skew+time.Second).Unix()))
		a, err := verify(signPayload(t, keys.EdDSA, accessType, late), issuer, issued)
		if !errors.Is(err, ErrRefused) || a.GrantID != fullAccess().GrantID {
			t.Errorf("%s beyond the skew: read %+v, %v", name, a, err)
		}
		within := payloadWith(t, name, fmt.Sprint(issued.Add(skew).Unix()))
		if _, err := verify(signPayload(t, keys.EdDSA, accessType, within), issuer, issued); err != nil {
			t.Errorf("%s within the skew: %v", name, err)
		}
	}

	// There is no leeway for exp, however large the skew is. An expired token
	// is refused, and its claims are returned.
	text := signPayload(t, keys.EdDSA, accessType, payloadWith(t, "extra", `"x"`))
	exp := fullAccess().ExpiresAt
	if _, err := verify(text, issuer, exp.Add(-time.Nanosecond)); err != nil {
		t.Errorf("before exp: %v", err)
	}
	for _, after := range []time.Duration{0, time.Nanosecond, time.Second, 24 * time.Hour} {
		a, err := verify(text, issuer, exp.Add(after))
		if !errors.Is(err, ErrRefused) || errors.Is(err, ErrInvalid) || a.GrantID != fullAccess().GrantID {
			t.Errorf("%v after exp: read %+v, %v", after, a, err)
		}
	}
	// A token that is also invalid for another reason is ErrInvalid.
	a, err := verify(text, issuer+"/", exp)
	if errors.Is(err, ErrRefused) || !errors.Is(err, ErrInvalid) || a.GrantID != "" {
		t.Errorf("expired and of another issuer: read %+v, %v", a, err)
	}
	cut := strings.LastIndexByte(text, '.')
	a, err = verify(text[:cut+1]+strings.Repeat("A", len(text)-cut-1), issuer, exp)
	if errors.Is(err, ErrRefused) || !errors.Is(err, ErrInvalid) || a.GrantID != "" {
		t.Errorf("expired and not signed: read %+v, %v", a, err)
	}
}

// Rule 14: a token is not issued if an extra claim has the name of a standard
// claim, or a name with quotes or control characters.
func TestRule14_ClaimNames(t *testing.T) {
	for _, name := range []string{
		"iss", "sub", "aud", "client_id", "scope", "iat", "exp", "jti", "auth_time", "acr", "amr", "sid", "nbf", "cnf",
		"act", "azp", "nonce", "at_hash",
		"Sub", "SUB", "Exp", "Client_Id", "CNF", "\u017fub", "",
		`x":0,"admin`, `x"`, `\`, `\u0073ub`, "a\nb", "a\x00", "a\x7f", "sub ", " sub", "a b", "\u00e9", "é", "\xff",
		"1a", "_a", "-a", ":a", "a{b", "a,b", "a@b", strings.Repeat("a", 129),
	} {
		a := fullAccess()
		a.Claims = map[string]any{"fine": 1, name: "x"}
		if payload, err := a.appendPayload(nil); err == nil {
			t.Errorf("claim %q: signed %s", name, payload)
		}
	}
	for _, name := range []string{
		"roles", "tenant", "https://example.com/level", "a", "A1_:/.-",
		"subject", "expires", strings.Repeat("a", 128),
	} {
		a := fullAccess()
		a.Claims = map[string]any{name: `x":0,"admin`}
		payload, err := a.appendPayload(nil)
		if err != nil {
			t.Errorf("claim %q: %v", name, err)
			continue
		}
		got, err := verify(signPayload(t, keys.EdDSA, accessType, string(payload)), issuer, issued)
		if err != nil || len(got.Claims) != 1 || got.Claims[name] != `x":0,"admin` {
			t.Errorf("claim %q: read %v, %v", name, got.Claims, err)
		}
	}
	// All standard claims that are written have reserved names, so that no
	// extra claim can have the same name.
	payload, err := fullAccess().appendPayload(nil)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(payload, &members); err != nil {
		t.Fatal(err)
	}
	written := 0
	for name := range members {
		if _, extra := fullAccess().Claims[name]; !extra {
			written++
			if !oauth.ReservedClaim(name) {
				t.Errorf("%s is not reserved", name)
			}
		}
	}
	if written != 12 {
		t.Errorf("%d standard claims are written", written)
	}
}

package token

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
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

// mustRefuse fails unless a signed at+jwt with that payload is refused as invalid, not as expired, at its issue.
func mustRefuse(t *testing.T, what, payload string) {
	t.Helper()
	mustRefuseToken(t, what, sign(t, keys.EdDSA, accessType, payload))
}

func mustRefuseToken(t *testing.T, what, text string) {
	t.Helper()
	a, err := ReadAccess(text, issuer, ring, issued)
	if !errors.Is(err, ErrInvalid) || errors.Is(err, ErrExpired) {
		t.Errorf("%s: read %+v, %v", what, a, err)
	}
	if a.Subject != "" || a.Claims != nil {
		t.Errorf("%s: a refused token has content", what)
	}
}

// with returns the payload of the fullest token with one member put in place of what it says, or taken out if value is empty.
func with(t *testing.T, name, value string) string {
	t.Helper()
	payload, err := full().appendPayload(nil)
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

func TestRule07_Claims(t *testing.T) {
	good := with(t, "extra", `"x"`)
	if _, err := ReadAccess(sign(t, keys.EdDSA, accessType, good), issuer, ring, issued); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"exp", "sub", "aud", "tenant"} {
		for _, twice := range []string{name, fmt.Sprintf(`\u%04x%s`, name[0], name[1:])} {
			mustRefuse(t, name+" twice", good[:len(good)-1]+`,"`+twice+`":1}`)
			mustRefuse(t, name+" twice, first", `{"`+twice+`":1,`+good[1:])
		}
	}
	for _, variant := range []string{
		"Exp", "EXP", "eXp", "Sub", "SUB", "Iss", "Aud", "Client_ID", "Scope", "Iat", "Jti", "Auth_Time", "ACR", "AMR", "Sid", "SID", "Nbf",
		"\u017fub", "i\u017fs", " exp", "exp ", "", "1", "\u00e9", "a\u0000b",
	} {
		quoted, err := json.Marshal(variant)
		if err != nil {
			t.Fatal(err)
		}
		mustRefuse(t, string(quoted), good[:len(good)-1]+`,`+string(quoted)+`:"x"}`)
	}
	for what, payload := range map[string]string{
		"trailing": good + "x", "a second object": good + "{}", "a line after": good + "\n", "a space before": " " + good, "a BOM": "\ufeff" + good,
		"not UTF-8": good[:len(good)-1] + ",\"u\":\"\xff\"}", "half a surrogate": good[:len(good)-1] + `,"u":"\ud800"}`,
		"cut": good[:len(good)-1], "empty": "", "an empty object": "{}", "an array": "[" + good + "]", "null": "null",
	} {
		mustRefuse(t, what, payload)
	}
	for _, name := range []string{"cnf", "act", "azp", "nonce", "scp", "token_type", "authorization_details"} {
		mustRefuse(t, "a "+name, with(t, name, `"x"`))
	}
	for name, values := range map[string][]string{
		"iss": {"", `""`, "1", "null", `["` + issuer + `"]`}, "sub": {"", `""`, "1", "null", "true", `["usr_alice"]`},
		"client_id": {"", `""`, "1", `"a b"`}, "jti": {"", `""`, "1", "null"}, "scope": {"1", `["read"]`, `""`, `" "`, `"read  write"`, `"a\"b"`},
		"acr": {"1", "null", `""`}, "amr": {`"pwd"`, "[]", "[1]", `[""]`, `[null]`, "null", "{}"},
		"sid": {"1", `""`, `"503563C1BDA45327FF4617750A06BD81"`, `"503563c1"`}, "auth_time": {`"1"`, "0", "-1", "1.5", "null"},
	} {
		for _, value := range values {
			mustRefuse(t, name+" "+value, with(t, name, value))
		}
	}
}

// That an access token is not taken for anything else is for the readers of the others to say.
func TestRule11_OtherTypes(t *testing.T) {
	payload := with(t, "extra", `"x"`)
	for _, typ := range []string{"JWT", "at+JWT", "AT+JWT", "application/at+jwt", "at+jwt ", "logout+jwt", "at", ""} {
		mustRefuseToken(t, "typ "+typ, sign(t, keys.EdDSA, typ, payload))
	}
	refresh, err := Refresh{Key: "0123456789abcdef", Handle: NewHandle()}.Encode(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	mustRefuseToken(t, "a refresh token", refresh)
	if access := sign(t, keys.EdDSA, accessType, payload); LooksLikeRefresh(access) || !LooksLikeRefresh(refresh) {
		t.Error("access and refresh tokens look alike")
	}
}

func TestRule12_IssuerAndAudience(t *testing.T) {
	for _, other := range []string{
		issuer + "/", "https://Issuer.example", "HTTPS://issuer.example", "http://issuer.example", issuer + ":443", " " + issuer, issuer + " ",
		"https://issuer.example.evil.example", "https://issuer.exampl", "https://issuer.example?", "https://xn--issuer.example",
	} {
		quoted, err := json.Marshal(other)
		if err != nil {
			t.Fatal(err)
		}
		mustRefuse(t, "iss "+other, with(t, "iss", string(quoted)))
	}
	many := `"a"` + strings.Repeat(`,"a"`, oauth.MaxAudiences)
	for _, aud := range []string{
		"", "null", `""`, "1", "true", "{}", "[]", `[""]`, `["reports",""]`, `["reports",1]`, `["reports",null]`, `[["reports"]]`, `"a b"`, `["a\nb"]`, "[" + many + "]",
	} {
		mustRefuse(t, "aud "+aud, with(t, "aud", aud))
	}
	// Strangers in aud are for the caller to see: all of it is read, in order.
	for aud, want := range map[string][]string{
		`"reports"`: {"reports"}, `["reports"]`: {"reports"}, `["stranger","reports"]`: {"stranger", "reports"},
	} {
		a, err := ReadAccess(sign(t, keys.EdDSA, accessType, with(t, "aud", aud)), issuer, ring, issued)
		if err != nil || !slices.Equal(a.Audience, want) {
			t.Errorf("aud %s: read %q, %v", aud, a.Audience, err)
		}
	}
}

func TestRule13_Times(t *testing.T) {
	for _, name := range []string{"exp", "iat", "nbf"} {
		for _, value := range []string{
			`"1795435200"`, "1795435200.0", "1795435200.5", "1.7954352e9", "1795435200e0", "-1795435200", "-0", "0", "null", "true", "[1795435200]", "{}", `""`,
			"99999999999999999999", "253402300800", "9223372036854775807", "18446744073709551616",
		} {
			mustRefuse(t, name+" "+value, with(t, name, value))
		}
	}
	mustRefuse(t, "no exp", with(t, "exp", ""))
	mustRefuse(t, "no iat", with(t, "iat", ""))
	mustRefuse(t, "exp before iat", with(t, "exp", fmt.Sprint(issued.Unix()-1)))
	for _, name := range []string{"iat", "nbf"} {
		late := fmt.Sprint(issued.Add(maxSkew + time.Second).Unix())
		mustRefuse(t, name+" in the future", with(t, name, late))
		within := fmt.Sprint(issued.Add(maxSkew).Unix())
		if _, err := ReadAccess(sign(t, keys.EdDSA, accessType, with(t, name, within)), issuer, ring, issued); err != nil {
			t.Errorf("%s within the skew: %v", name, err)
		}
	}

	// exp has no leeway, and an expired token is told from a wrong one.
	text := sign(t, keys.EdDSA, accessType, with(t, "extra", `"x"`))
	exp := full().ExpiresAt
	if _, err := ReadAccess(text, issuer, ring, exp.Add(-time.Nanosecond)); err != nil {
		t.Errorf("before exp: %v", err)
	}
	for _, after := range []time.Duration{0, time.Nanosecond, time.Second, 24 * time.Hour} {
		a, err := ReadAccess(text, issuer, ring, exp.Add(after))
		if !errors.Is(err, ErrExpired) || !errors.Is(err, ErrInvalid) || a.GrantID != full().GrantID {
			t.Errorf("%v after exp: read %+v, %v", after, a, err)
		}
	}
	// What is wrong besides being expired is wrong.
	a, err := ReadAccess(text, issuer+"/", ring, exp)
	if errors.Is(err, ErrExpired) || !errors.Is(err, ErrInvalid) || a.GrantID != "" {
		t.Errorf("expired and of another issuer: read %+v, %v", a, err)
	}
	cut := strings.LastIndexByte(text, '.')
	a, err = ReadAccess(text[:cut+1]+strings.Repeat("A", len(text)-cut-1), issuer, ring, exp)
	if errors.Is(err, ErrExpired) || !errors.Is(err, ErrInvalid) || a.GrantID != "" {
		t.Errorf("expired and not signed: read %+v, %v", a, err)
	}
}

func TestRule14_ClaimNames(t *testing.T) {
	for _, name := range []string{
		"iss", "sub", "aud", "client_id", "scope", "iat", "exp", "jti", "auth_time", "acr", "amr", "sid", "nbf", "cnf", "act", "azp", "nonce", "at_hash",
		"Sub", "SUB", "Exp", "Client_Id", "CNF", "\u017fub", "",
		`x":0,"admin`, `x"`, `\`, `\u0073ub`, "a\nb", "a\x00", "a\x7f", "sub ", " sub", "a b", "\u00e9", "é", "\xff", "1a", "_a", "-a", ":a", "a{b", "a,b", "a@b", strings.Repeat("a", 129),
	} {
		a := full()
		a.Claims = map[string]any{"fine": 1, name: "x"}
		if payload, err := a.appendPayload(nil); err == nil {
			t.Errorf("claim %q: signed %s", name, payload)
		}
	}
	for _, name := range []string{"roles", "tenant", "https://example.com/level", "a", "A1_:/.-", "subject", "expires", strings.Repeat("a", 128)} {
		a := full()
		a.Claims = map[string]any{name: `x":0,"admin`}
		payload, err := a.appendPayload(nil)
		if err != nil {
			t.Errorf("claim %q: %v", name, err)
			continue
		}
		got, err := ReadAccess(sign(t, keys.EdDSA, accessType, string(payload)), issuer, ring, issued)
		if err != nil || len(got.Claims) != 1 || got.Claims[name] != `x":0,"admin` {
			t.Errorf("claim %q: read %v, %v", name, got.Claims, err)
		}
	}
	// Every standard name that we write is reserved, so that no extra claim can come beside it.
	payload, err := full().appendPayload(nil)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(payload, &members); err != nil {
		t.Fatal(err)
	}
	written := 0
	for name := range members {
		if _, extra := full().Claims[name]; !extra {
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

func TestRule15_UniqueID(t *testing.T) {
	n := 10_000_000
	if testing.Short() {
		n = 1_000_000
	}
	type id struct{ high, low uint64 }
	ids := make([]id, n)
	for i := range ids {
		var b [16]byte
		text := NewID()
		if size, err := base64.RawURLEncoding.Strict().Decode(b[:], []byte(text)); err != nil || size != 16 || len(text) != 22 {
			t.Fatalf("the jti %q is not 128 bits of base64url: %v", text, err)
		}
		ids[i] = id{binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])}
	}
	slices.SortFunc(ids, func(a, b id) int {
		return cmp.Or(cmp.Compare(a.high, b.high), cmp.Compare(a.low, b.low))
	})
	if left := len(slices.Compact(ids)); left != n {
		t.Errorf("%d of %d jti are repeats", n-left, n)
	}
}

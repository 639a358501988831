package token

import (
	"bytes"
	"crypto"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/oauth"
)

// ErrInvalid is the category of the errors for all tokens that are rejected. An
// error that wraps it has a fixed reason, for the log. The reason never
// contains a value of the token.
var ErrInvalid = jws.ErrInvalid

// ErrExpired is the error for an access token that is valid except that it has
// expired. It wraps ErrInvalid.
var ErrExpired = fmt.Errorf("%w: expired", ErrInvalid)

// maxSkew is how far the clock of another server of this issuer may be ahead of
// this one's. It applies to iat and nbf, but not to exp.
const maxSkew = 5 * time.Second

// VerifyAccess verifies an access token of this issuer and returns its claims.
// It follows RFC 9068 §4, but is stricter:
//
//   - The signature is by a key that find returns; see jws.Verify.
//   - The typ is exactly at+jwt.
//   - The iss is the issuer, byte for byte.
//   - All claims that SignAccess requires are present, each in a form that
//     SignAccess could write.
//   - No standard claim is present that SignAccess does not write, except nbf.
//
// The caller must check the audience.
//
// For a token that is valid except that it has expired, VerifyAccess returns
// its claims and ErrExpired. Every other error is ErrInvalid and comes without
// claims.
func VerifyAccess(
	compact, issuer string, find func(kid string) (algorithm string, key crypto.PublicKey, ok bool), now time.Time,
) (Access, error) {
	t, err := jws.Verify(compact, find)
	if err != nil {
		return Access{}, err
	}
	if t.Type != accessType {
		return Access{}, invalid("not an access token")
	}
	members, err := jws.ParseObject(t.Payload)
	if err != nil {
		return Access{}, err
	}

	a, notBefore, err := readClaims(members)
	if err != nil {
		return Access{}, err
	}
	if err := a.check(); err != nil {
		return Access{}, invalid(err.Error())
	}
	if a.Issuer != issuer {
		return Access{}, invalid("issued by another issuer")
	}

	latest := now.Add(maxSkew)
	if a.IssuedAt.After(latest) || notBefore.After(latest) {
		return Access{}, invalid("not valid yet")
	}
	if !now.Before(a.ExpiresAt) {
		return a, ErrExpired
	}
	return a, nil
}

// readClaims reads the members of a payload into an Access. The name and the
// JSON type of each member must match exactly.
func readClaims(members map[string]json.RawMessage) (a Access, notBefore time.Time, err error) {
	var scope string
	texts := map[string]*string{
		"iss": &a.Issuer, "sub": &a.Subject, "client_id": &a.ClientID, "scope": &scope, "jti": &a.ID, "acr": &a.ACR,
		"sid": &a.GrantID,
	}
	times := map[string]*time.Time{
		"iat": &a.IssuedAt, "exp": &a.ExpiresAt, "nbf": &notBefore, "auth_time": &a.AuthTime,
	}

	for name, raw := range members {
		var ok bool
		switch {
		case texts[name] != nil:
			ok = readText(raw, texts[name])
		case times[name] != nil:
			ok = readTime(raw, times[name])
		case name == "aud":
			ok = readAudience(raw, &a.Audience)
		case name == "amr":
			ok = readList(raw, &a.AMR)
		default:
			ok = readExtra(name, raw, &a)
		}
		if !ok {
			return Access{}, time.Time{}, invalid("malformed or unknown claim")
		}
	}

	if a.Scope, err = oauth.ParseScope(scope); err != nil {
		return Access{}, time.Time{}, invalid("scope is malformed")
	}
	return a, notBefore, nil
}

// readText reads a non-empty string. SignAccess omits empty claims.
func readText(raw json.RawMessage, into *string) bool {
	return raw[0] == '"' && json.Unmarshal(raw, into) == nil && *into != ""
}

// readList reads a non-empty array of strings.
func readList(raw json.RawMessage, into *[]string) bool {
	var values []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &values) != nil {
		return false
	}
	for _, v := range values {
		var text string
		if !readText(v, &text) {
			return false
		}
		*into = append(*into, text)
	}
	return len(values) > 0
}

// readAudience reads a string or an array of strings (RFC 7519 §4.1.3).
func readAudience(raw json.RawMessage, into *[]string) bool {
	var one string
	if !readText(raw, &one) {
		return readList(raw, into)
	}
	*into = []string{one}
	return true
}

// readTime reads a NumericDate (RFC 7519 §2) in the form that SignAccess
// writes: an integer without a fraction, an exponent or a sign.
func readTime(raw json.RawMessage, into *time.Time) bool {
	seconds, err := strconv.ParseUint(string(raw), 10, 63)
	*into = time.Unix(int64(seconds), 0).UTC()
	return err == nil && validTime(*into)
}

// readExtra reads an extra claim into a.Claims. It rejects standard claims that
// SignAccess does not write, because they can restrict what a token is valid
// for. A cnf claim, for example, binds the token to a key.
func readExtra(name string, raw json.RawMessage, a *Access) bool {
	if !oauth.ValidClaimName(name) {
		return false
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return false
	}
	if a.Claims == nil {
		a.Claims = map[string]any{}
	}
	a.Claims[name] = value
	return true
}

// invalid returns an ErrInvalid with a reason for the log.
func invalid(reason string) error { return fmt.Errorf("%w: %s", ErrInvalid, reason) }

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

// ErrInvalid is the one answer to every token that is refused. What wraps it says why in fixed words, for the log; it never
// holds anything that the token said.
var ErrInvalid = jws.ErrInvalid

// ErrExpired is the refusal of an access token that has nothing wrong but its age. It is an ErrInvalid, too.
var ErrExpired = fmt.Errorf("%w: it has expired", ErrInvalid)

// maxSkew is how far another of our servers' clocks may be ahead of this one's. It is allowed for iat and nbf; exp is
// taken at its word.
const maxSkew = 5 * time.Second

// ReadAccess reads an access token of ours (RFC 9068 §4, and stricter): the signature by a key that find has (see
// jws.Verify), typ exactly at+jwt, iss byte for byte the issuer, all that every token of ours has, each in the one form that
// we write or could write, and no standard claim that we do not know. What the audience is worth is the caller's to judge.
// A token that is good but for its exp comes back whole together with ErrExpired; every other error is ErrInvalid and comes
// with nothing.
func ReadAccess(compact, issuer string, find func(kid string) (algorithm string, key crypto.PublicKey, ok bool), now time.Time) (Access, error) {
	t, err := jws.Verify(compact, find)
	if err != nil {
		return Access{}, err
	}
	if t.Type != accessType {
		return Access{}, refuse("it is not an access token")
	}
	members, err := jws.Object(t.Payload)
	if err != nil {
		return Access{}, err
	}
	a, notBefore, err := readClaims(members)
	if err != nil {
		return Access{}, err
	}
	if err := a.check(); err != nil {
		return Access{}, refuse(err.Error())
	}
	if a.Issuer != issuer {
		return Access{}, refuse("it is of another issuer")
	}
	latest := now.Add(maxSkew)
	if a.IssuedAt.After(latest) || notBefore.After(latest) {
		return Access{}, refuse("it is not valid yet")
	}
	if !now.Before(a.ExpiresAt) {
		return a, ErrExpired
	}
	return a, nil
}

// readClaims sorts the members of a token's payload into an Access, each by its exact name and in its exact JSON type.
func readClaims(members map[string]json.RawMessage) (a Access, notBefore time.Time, err error) {
	var scope string
	texts := map[string]*string{
		"iss": &a.Issuer, "sub": &a.Subject, "client_id": &a.ClientID, "scope": &scope, "jti": &a.ID, "acr": &a.ACR, "sid": &a.GrantID,
	}
	times := map[string]*time.Time{
		"iat": &a.IssuedAt, "exp": &a.ExpiresAt, "nbf": &notBefore, "auth_time": &a.AuthTime,
	}
	for name, raw := range members {
		var good bool
		switch {
		case texts[name] != nil:
			good = readText(raw, texts[name])
		case times[name] != nil:
			good = readTime(raw, times[name])
		case name == "aud":
			good = readAudience(raw, &a.Audience)
		case name == "amr":
			good = readList(raw, &a.AMR)
		default:
			good = readExtra(name, raw, &a)
		}
		if !good {
			return Access{}, time.Time{}, refuse("it has a claim that is malformed or not known")
		}
	}
	if a.Scope, err = oauth.ParseScope(scope); err != nil {
		return Access{}, time.Time{}, refuse("scope is malformed")
	}
	return a, notBefore, nil
}

// readText reads a string that is not empty: what would be empty is left out.
func readText(raw json.RawMessage, into *string) bool {
	return raw[0] == '"' && json.Unmarshal(raw, into) == nil && *into != ""
}

// readList reads an array of strings that is not empty.
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

// readTime reads a NumericDate (RFC 7519 §2) as we write it: an integer, without fraction, exponent or sign.
func readTime(raw json.RawMessage, into *time.Time) bool {
	seconds, err := strconv.ParseUint(string(raw), 10, 63)
	*into = time.Unix(int64(seconds), 0).UTC()
	return err == nil && validTime(*into)
}

// readExtra reads a claim that is not a standard one. The standard ones that we do not write change what a token is worth
// (a cnf binds it to a key), so a token that has one is refused.
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

func refuse(why string) error { return fmt.Errorf("%w: %s", ErrInvalid, why) }

package token

import (
	"crypto"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

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
// Another server's clock may be ahead of this one's by skew. This applies to
// iat and nbf, but not to exp.
//
// The error is one of the verdicts of Verifier. find fails as
// keys.Manager.PublicKey does. seen has signatures that need not be verified
// again, or is nil.
func VerifyAccess(
	compact, issuer string, find func(kid string) (algorithm string, key crypto.PublicKey, err error),
	now time.Time, skew time.Duration, seen *jws.ValidSignatures,
) (Access, error) {
	t, refused, err := verifySignature(compact, find, seen)
	if err != nil {
		return Access{}, err
	}
	if t.Type != accessType {
		return Access{}, invalid("not an access token")
	}
	members, err := jws.ParseObject(string(t.Payload))
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

	switch latest := now.Add(skew); {
	case refused != nil:
		return a, refuse(refused)
	case a.IssuedAt.After(latest), notBefore.After(latest):
		return a, refuse(errNotYetValid)
	case !now.Before(a.ExpiresAt):
		return a, refuse(errExpired)
	}
	return a, nil
}

// verifySignature verifies the signature of a token of this issuer. refused is
// the reason why the tokens of its key are refused, or nil.
func verifySignature(
	compact string, find func(kid string) (algorithm string, key crypto.PublicKey, err error),
	seen *jws.ValidSignatures,
) (t jws.Token, refused, err error) {
	var keyErr error
	t, err = seen.Verify(compact, func(kid string) (algorithm string, key crypto.PublicKey, ok bool) {
		algorithm, key, keyErr = find(kid)
		return algorithm, key, keyErr == nil || keys.IsRefused(keyErr)
	})
	switch {
	case keyErr != nil && !keys.IsUnusable(keyErr):
		return jws.Token{}, nil, fmt.Errorf("find the key of an access token: %w", keyErr)
	case err != nil:
		return jws.Token{}, nil, err
	}
	return t, keyErr, nil
}

// readClaims reads the members of a payload into an Access. The name and the
// JSON type of each member must match exactly.
func readClaims(members jws.Object) (a Access, notBefore time.Time, err error) {
	var scope string
	for _, m := range members {
		var ok bool
		switch m.Name {
		case "iss":
			ok = readText(m.Value, &a.Issuer)
		case "sub":
			ok = readText(m.Value, &a.Subject)
		case "client_id":
			ok = readText(m.Value, &a.ClientID)
		case "scope":
			ok = readText(m.Value, &scope)
		case "jti":
			ok = readText(m.Value, &a.ID)
		case "acr":
			ok = readText(m.Value, &a.ACR)
		case "sid":
			ok = readText(m.Value, &a.GrantID)
		case "iat":
			ok = readTime(m.Value, &a.IssuedAt)
		case "exp":
			ok = readTime(m.Value, &a.ExpiresAt)
		case "nbf":
			ok = readTime(m.Value, &notBefore)
		case "auth_time":
			ok = readTime(m.Value, &a.AuthTime)
		case "aud":
			ok = readAudience(m.Value, &a.Audience)
		case "amr":
			ok = readList(m.Value, &a.AMR)
		default:
			ok = readExtra(m, &a)
		}
		if !ok {
			return Access{}, time.Time{}, invalid("malformed or unknown claim")
		}
	}

	// Each token that the issuer signs has the canonical form of its scope.
	if scope != "" {
		a.Scope = strings.Split(scope, " ")
	}
	if !a.Scope.Valid() {
		return Access{}, time.Time{}, invalid("scope is malformed")
	}
	return a, notBefore, nil
}

// readText reads a non-empty string. SignAccess omits empty claims.
func readText(v jws.Value, into *string) (ok bool) {
	*into, ok = v.Text()
	return ok && *into != ""
}

// readList reads a non-empty array of non-empty strings.
func readList(v jws.Value, into *[]string) (ok bool) {
	*into, ok = v.Texts()
	return ok && len(*into) > 0 && !slices.Contains(*into, "")
}

// readAudience reads a string or an array of strings (RFC 7519 §4.1.3).
func readAudience(v jws.Value, into *[]string) bool {
	var one string
	if !readText(v, &one) {
		return readList(v, into)
	}
	*into = []string{one}
	return true
}

// readTime reads a NumericDate (RFC 7519 §2) in the form that SignAccess
// writes: an integer without a fraction, an exponent or a sign.
func readTime(v jws.Value, into *time.Time) bool {
	seconds, err := strconv.ParseUint(string(v), 10, 63)
	*into = time.Unix(int64(seconds), 0).UTC()
	return err == nil && validTime(*into)
}

// readExtra reads an extra claim into a.Claims. It rejects standard claims that
// SignAccess does not write, because they can restrict what a token is valid
// for. A cnf claim, for example, binds the token to a key.
func readExtra(m jws.Member, a *Access) bool {
	if !oauth.ValidClaimName(m.Name) {
		return false
	}
	decoder := json.NewDecoder(strings.NewReader(string(m.Value)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return false
	}
	if a.Claims == nil {
		a.Claims = map[string]any{}
	}
	a.Claims[m.Name] = value
	return true
}

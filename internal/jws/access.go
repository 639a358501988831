package jws

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// AccessType is the typ of an access token (RFC 9068 §2.1).
const AccessType = "at+jwt"

// AccessClaims are the claims of an access token (RFC 9068 §2.2). Times are
// NumericDates: seconds since 1970. The zero value of a field means that the
// token lacks the claim.
type AccessClaims struct {
	Issuer    string
	Subject   string
	Audience  []string
	ClientID  string
	Scope     []string
	IssuedAt  int64
	ExpiresAt int64
	NotBefore int64
	AuthTime  int64
	ID        string // jti
	ACR       string
	AMR       []string
	GrantID   string // sid
	// Extra are the claims that no standard defines, in their order.
	Extra Object
}

// ReadAccessClaims reads the payload of an access token. It accepts only what
// the issuer could write: every required claim, each of the right JSON type and
// in the form that Check accepts, no name twice, and no standard claim that the
// issuer does not write, except nbf. Such a claim can restrict what a token is
// valid for: cnf, for example, binds it to a key. Every error is ErrInvalid.
func ReadAccessClaims(payload []byte) (AccessClaims, error) {
	s := scanner{data: string(payload)}
	if err := s.document(); err != nil {
		return AccessClaims{}, err
	}

	var c AccessClaims
	for i := range s.open.n {
		if !c.read(*s.open.at(i)) {
			return AccessClaims{}, reject("malformed or unknown claim")
		}
	}
	if err := c.Check(); err != nil {
		return AccessClaims{}, reject(err.Error())
	}
	return c, nil
}

// read reads one claim. ok is false if it has another JSON type, or is not
// allowed in a token.
func (c *AccessClaims) read(m Member) (ok bool) {
	switch m.Name {
	case "iss":
		return ReadText(m.Value, &c.Issuer)
	case "sub":
		return ReadText(m.Value, &c.Subject)
	case "client_id":
		return ReadText(m.Value, &c.ClientID)
	case "scope":
		return readScope(m.Value, &c.Scope)
	case "jti":
		return ReadText(m.Value, &c.ID)
	case "acr":
		return ReadText(m.Value, &c.ACR)
	case "sid":
		return ReadText(m.Value, &c.GrantID)
	case "iat":
		return readTime(m.Value, &c.IssuedAt)
	case "exp":
		return readTime(m.Value, &c.ExpiresAt)
	case "nbf":
		return readTime(m.Value, &c.NotBefore)
	case "auth_time":
		return readTime(m.Value, &c.AuthTime)
	case "aud":
		return ReadAudience(m.Value, &c.Audience)
	case "amr":
		return readList(m.Value, &c.AMR)
	}
	c.Extra = append(c.Extra, m)
	return ValidClaimName(m.Name)
}

// Check returns an error if a claim is missing or malformed. It applies to
// tokens before they are signed and after they are read. It does not read the
// extra claims.
func (c *AccessClaims) Check() error {
	switch {
	case c.Issuer == "":
		return errors.New("iss is missing")
	case c.Subject == "" || len(c.Subject) > MaxSubject || !utf8.ValidString(c.Subject):
		return errors.New("sub is missing or malformed")
	case len(c.Audience) == 0 || len(c.Audience) > MaxAudiences || !areTokens(c.Audience, MaxAudienceID):
		return errors.New("aud is missing or malformed")
	case len(c.ClientID) > MaxClientID || !ValidToken(c.ClientID):
		return errors.New("client_id is missing or malformed")
	case c.ID == "":
		return errors.New("jti is missing")
	case !validTime(c.IssuedAt) || !validTime(c.ExpiresAt) || c.ExpiresAt <= c.IssuedAt:
		return errors.New("exp is not after iat")
	case c.AuthTime != 0 && !validTime(c.AuthTime):
		return errors.New("auth_time is malformed")
	case len(c.AMR) > MaxMethods || slices.Contains(c.AMR, ""):
		return errors.New("amr is malformed")
	case !ValidScope(c.Scope):
		return errors.New("scope is malformed")
	case c.GrantID != "" && !isGrantID(c.GrantID):
		return errors.New("sid is malformed")
	}
	return nil
}

// MaxTime is the last second of the year 9999, in seconds since 1970.
const MaxTime = 253402300799

// validTime reports whether a NumericDate (RFC 7519 §2) is after 1970 and
// before the year 10000.
func validTime(seconds int64) bool { return seconds > 0 && seconds <= MaxTime }

// isGrantID reports whether text is 32 lower-case hexadecimal digits.
func isGrantID(text string) bool {
	return len(text) == 32 && strings.Trim(text, "0123456789abcdef") == ""
}

// ReadText reads a string that is not empty: the issuer omits empty claims. ok
// reports whether v is one.
func ReadText(v Value, into *string) (ok bool) {
	*into, ok = v.Text()
	return ok && *into != ""
}

// readList reads a non-empty array of non-empty strings.
func readList(v Value, into *[]string) (ok bool) {
	*into, ok = v.Texts()
	return ok && len(*into) > 0 && !slices.Contains(*into, "")
}

// ReadAudience reads a string or an array of strings (RFC 7519 §4.1.3), none of
// them empty. ok reports whether v is one.
func ReadAudience(v Value, into *[]string) (ok bool) {
	var one string
	if !ReadText(v, &one) {
		return readList(v, into)
	}
	*into = []string{one}
	return true
}

// readScope reads scope tokens that are separated by single spaces.
func readScope(v Value, into *[]string) bool {
	var text string
	if !ReadText(v, &text) {
		return false
	}
	*into = strings.Split(text, " ")
	return true
}

// readTime reads a NumericDate in the form that the issuer writes: an integer
// without a fraction, an exponent or a sign.
func readTime(v Value, into *int64) bool {
	seconds, err := strconv.ParseUint(string(v), 10, 63)
	*into = int64(seconds)
	return err == nil && validTime(*into)
}

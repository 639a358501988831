package oauth

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

// maxCredentials is the maximum length in bytes of an Authorization header with
// credentials.
const maxCredentials = 2 << 10

// Credentials are the id of a client and a secret, which may be empty.
type Credentials struct{ ID, Secret string }

// ParseBasic parses an Authorization header of the form "Basic
// base64(id:secret)" (RFC 7617). The header must have exactly one value, and
// the base64 must be canonical.
//
// RFC 6749 §2.3.1 requires that id and secret are form-encoded, but many
// clients do not encode them. So a header has up to three readings. They are
// returned in the order in which a server tries them:
//
//  1. id and secret are form-encoded, with the first colon between them
//  2. they are not encoded, and the id has no colon
//  3. they are not encoded, and the secret has no colon
//
// A reading whose id cannot be a client_id, and one that is equal to another,
// is left out. If the header is malformed, there is no reading. claimed is the
// text before the first colon, for the log.
func ParseBasic(values []string) (readings []Credentials, claimed string) {
	pair, ok := decodeBasic(values)
	first := strings.IndexByte(pair, ':')
	if !ok || first < 0 {
		return nil, ""
	}

	add := func(c Credentials) {
		if ValidClientID(c.ID) && !slices.Contains(readings, c) {
			readings = append(readings, c)
		}
	}
	claimed = pair[:first]
	id, err1 := url.QueryUnescape(claimed)
	secret, err2 := url.QueryUnescape(pair[first+1:])
	if err1 == nil {
		claimed = id
	}
	if err1 == nil && err2 == nil {
		add(Credentials{id, secret})
	}
	last := strings.LastIndexByte(pair, ':')
	add(Credentials{pair[:first], pair[first+1:]})
	add(Credentials{pair[:last], pair[last+1:]})
	return readings, claimed
}

// decodeBasic returns the decoded credentials of an Authorization header of the
// scheme Basic.
func decodeBasic(values []string) (pair string, ok bool) {
	if len(values) != 1 || len(values[0]) > maxCredentials {
		return "", false
	}
	scheme, encoded, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Basic") {
		return "", false
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") { // the decoder ignores them
		return "", false
	}
	return string(decoded), true
}

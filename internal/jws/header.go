package jws

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// A header is the members of a JOSE header that the package reads.
type header struct{ typ, alg, kid string }

// readHeader parses a JOSE header. The header must contain alg; it may contain
// kid and typ. For every other member, readHeader returns the error of other,
// or ignores the member if there is none.
func readHeader(text string, other func(name string) error) (header, error) {
	members, err := ParseObject(text)
	if err != nil {
		return header{}, err
	}

	var h header
	for _, m := range members {
		var field *string
		switch m.Name {
		case "typ":
			field = &h.typ
		case "alg":
			field = &h.alg
		case "kid":
			field = &h.kid
		default:
			if err := other(m.Name); err != nil {
				return header{}, err
			}
			continue
		}
		var ok bool
		if *field, ok = m.Value.Text(); !ok {
			return header{}, reject("header has a member that is not a string")
		}
	}
	if h.alg == "" {
		return header{}, reject("header lacks alg")
	}
	return h, nil
}

// rejectMember rejects every further member of a header.
func rejectMember(string) error { return reject("header has a member that is not allowed") }

// checkForeignMember rejects a further member of a header if it names a key, or
// if it must not be ignored (RFC 7515 §4.1.11, RFC 7797 §6). It also rejects
// these names, and those of the known members, in another case: a verifier that
// ignores case would read them.
func checkForeignMember(name string) error {
	switch strings.ToLower(name) {
	case "jwk", "jku", "x5u":
		return reject("header has a key or the URL of a key")
	case "crit", "b64":
		return reject("header has crit or b64")
	case "typ", "alg", "kid":
		return reject("header has typ, alg or kid in another case")
	}
	return nil
}

// maxHeaders is the maximum number of headers in a headerCache.
const maxHeaders = 64

// A headerCache has parsed headers by their encoded form: all tokens of a key
// usually have the same header. It saves the parsing and nothing else. The key
// and the signature of each token are verified as before. A reader takes no
// lock.
type headerCache struct {
	mu      sync.Mutex // for writers
	headers atomic.Pointer[map[string]header]
}

// acceptedHeaders has the headers of tokens that Verify accepted. So only the
// holder of a private key can add one.
var acceptedHeaders headerCache

func (c *headerCache) get(encoded string) (h header, ok bool) {
	if headers := c.headers.Load(); headers != nil {
		h, ok = (*headers)[encoded]
	}
	return h, ok
}

// add adds a header. If the cache is full, add removes all others.
func (c *headerCache) add(encoded string, h header) {
	c.mu.Lock()
	defer c.mu.Unlock()
	headers := map[string]header{}
	if old := c.headers.Load(); old != nil && len(*old) < maxHeaders {
		maps.Copy(headers, *old)
	}
	headers[strings.Clone(encoded)] = h
	c.headers.Store(&headers)
}

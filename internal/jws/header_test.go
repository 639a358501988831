package jws

import (
	"crypto"
	"fmt"
	"strings"
	"testing"
)

// clearHeaders makes acceptedHeaders empty.
func clearHeaders() { acceptedHeaders.headers.Store(nil) }

// size returns the number of headers in the cache.
func (c *headerCache) size() int {
	headers := c.headers.Load()
	if headers == nil {
		return 0
	}
	return len(*headers)
}

// Only the header of a valid token is cached: tokens with invented kids or
// invalid signatures use no memory.
func TestVerify_CachesHeadersOfValidTokensOnly(t *testing.T) {
	clearHeaders()
	p := pairOf(edDSA)
	for i := range 100 {
		header := fmt.Sprintf(`{"typ":"at+jwt","alg":"EdDSA","kid":"invented-%d"}`, i)
		mustReject(t, header, p.token(header, "x"), ring)
		unsigned := encode(fmt.Sprintf(`{"typ":"%d","alg":"EdDSA","kid":"EdDSA"}`, i)) + "." + encode("x") + ".AAAA"
		mustReject(t, "an invalid signature", unsigned, ring)
		foreign := p.token(`{"alg":"EdDSA","kid":"EdDSA","cty":"x"}`, "x")
		if _, err := verifyForeign(foreign, func(string) (string, crypto.PublicKey, error) {
			return edDSA, p.private.Public(), nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if n := acceptedHeaders.size(); n != 0 {
		t.Errorf("%d headers are cached, want none", n)
	}
	for range 2 {
		if got, err := Verify(p.token(p.header(), "x"), ring); err != nil || got.Type != "at+jwt" {
			t.Errorf("got %+v, error %v", got, err)
		}
	}
	if n := acceptedHeaders.size(); n != 1 {
		t.Errorf("%d headers are cached, want 1", n)
	}
}

// Rule 3: a cached header does not replace a check. The key must still be
// known, be of the algorithm and have made the signature.
func TestVerify_CachedHeaderNeedsKeyAndSignature(t *testing.T) {
	clearHeaders()
	for _, p := range pairs() {
		valid := p.token(p.header(), "one")
		if _, err := Verify(valid, ring); err != nil {
			t.Fatal(err)
		}
		removed := func(string) (string, crypto.PublicKey, bool) { return "", nil, false }
		mustReject(t, p.algorithm+" after the key was removed", valid, removed)
		replaced := func(string) (string, crypto.PublicKey, bool) { return edDSA, strangerKey, true }
		mustReject(t, p.algorithm+" after the key was replaced", valid, replaced)
		renamed := func(string) (string, crypto.PublicKey, bool) { return "HS256", p.private.Public(), true }
		mustReject(t, p.algorithm+" after the algorithm was replaced", valid, renamed)
		mixed := encode(p.header()) + "." + encode("two") + valid[strings.LastIndexByte(valid, '.'):]
		mustReject(t, p.algorithm+" with another payload", mixed, ring)
	}
}

func TestHeaderCache_IsBounded(t *testing.T) {
	var c headerCache
	for i := range 5 * maxHeaders {
		c.add(fmt.Sprint(i), header{kid: fmt.Sprint(i)})
		if h, ok := c.get(fmt.Sprint(i)); !ok || h.kid != fmt.Sprint(i) || c.size() > maxHeaders {
			t.Errorf("header %d: got %+v, %v, among %d", i, h, ok, c.size())
		}
	}
}

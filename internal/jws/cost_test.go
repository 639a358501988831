package jws

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// Rule 09: a token that is too long or too complex is rejected before it uses
// 64 KiB of memory.
func TestRule09_RejectsLargeTokensWithLittleMemory(t *testing.T) {
	p := pairOf(edDSA)
	deep := strings.Repeat("[", 100_000)
	atCap := func(fill string) string { return strings.Repeat(fill, MaxSize)[:5000] }
	for what, compact := range map[string]string{
		"8 KiB and a byte":     p.token(p.header(), strings.Repeat("x", 7000))[:MaxSize] + "x",
		"10 MiB":               strings.Repeat("A", 10<<20),
		"a million dots":       strings.Repeat(".", 1_000_000),
		"8 KiB of dots":        strings.Repeat(".", MaxSize),
		"100,000 levels":       p.token(`{"typ":`+deep, deep),
		"levels at the cap":    p.token(`{"typ":`+atCap("["), ""),
		"objects at the cap":   p.token(atCap(`{"typ":`), ""),
		"members at the cap":   p.token("{"+manyMembers(700)+"}", ""),
		"one name at the cap":  p.token(`{"`+atCap("x")+`":1}`, ""),
		"escapes at the cap":   p.token(`{"kid":"`+atCap(`\u0061`)+`"}`, ""),
		"a kid at the cap":     p.token(`{"alg":"EdDSA","kid":"`+atCap("x")+`"}`, ""),
		"no header":            "." + strings.Repeat("A", 4000) + "." + strings.Repeat("A", 4000),
		"an invalid signature": encode(p.header()) + "." + strings.Repeat("A", 4000) + "." + strings.Repeat("A", 4000),
	} {
		if got := allocated(func() { mustReject(t, what, compact, ring) }); got >= 64<<10 {
			t.Errorf("%s: the rejection allocates %d bytes, want less than 64 KiB", what, got)
		}
	}
	for what, object := range map[string]string{
		"100,000 levels": `{"a":` + deep,
		"many members":   "{" + manyMembers(1000) + "}",
		"many inside":    `{"a":{` + manyMembers(1000) + "}}",
		"many objects":   `{"a":[` + strings.Repeat(`{"a":1},`, 1000) + "1]}",
	} {
		got := allocated(func() {
			if _, err := ParseObject(object); err == nil {
				t.Errorf("%s: Object returned no error", what)
			}
		})
		if got >= 64<<10 {
			t.Errorf("%s: the rejection allocates %d bytes, want less than 64 KiB", what, got)
		}
	}
}

// Rule 10: a JWE is rejected without decompression and without key derivation.
func TestRule10_RejectsJWE(t *testing.T) {
	bomb := strings.Repeat("A", 1000)
	for _, header := range []string{
		`{"alg":"dir","enc":"A128GCM","zip":"DEF"}`,
		`{"alg":"PBES2-HS256+A128KW","enc":"A128CBC-HS256","p2c":2147483647,"p2s":"AAAA"}`,
		`{"alg":"EdDSA","kid":"EdDSA","zip":"DEF"}`,
		`{"alg":"EdDSA","kid":"EdDSA","p2c":2147483647}`,
		`{"alg":"EdDSA","kid":"EdDSA","enc":"A128GCM"}`,
	} {
		five := strings.Join([]string{encode(header), bomb, bomb, bomb, bomb}, ".")
		mustReject(t, header+" in five parts", five, noKeys(t))
		mustReject(t, header+" in three parts", pairOf(edDSA).token(header, bomb), noKeys(t))
	}
	five := strings.Join([]string{encode(pairOf(edDSA).header()), bomb, bomb, bomb, bomb}, ".")
	mustReject(t, "allowed header in five parts", five, noKeys(t))
}

// manyMembers returns n members with different names.
func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%d":1,`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// allocated returns the number of bytes that one call of f allocates.
func allocated(f func()) uint64 {
	const runs = 20
	f()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / runs
}

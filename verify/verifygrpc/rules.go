package verifygrpc

import (
	"fmt"
	"strings"

	"github.com/signetd/signet/verify"
)

// Rules are what the calls of each method need beside a valid token. A key is
// the full name of a method, such as "/orders.v1.Orders/List", or all methods
// of a service: "/orders.v1.Orders/*". The rules of a method replace those of
// its service. An empty list is for calls with any valid token. Calls of a
// method that has no key are refused.
type Rules map[string][]verify.Rule

// Public are the rules of methods that need no token.
var Public = []verify.Rule{func(*verify.Claims) error { return verify.ErrScope }}

// isPublic reports whether the rules are the variable Public. A copy of its
// element is a rule that no token satisfies.
func isPublic(rules []verify.Rule) bool { return len(rules) > 0 && &rules[0] == &Public[0] }

// mustBeNames panics if a key is not the name of a method or service.
func (r Rules) mustBeNames() {
	for name := range r {
		parts := strings.Split(name, "/")
		if len(parts) != 3 || parts[0] != "" || parts[1] == "" || parts[2] == "" {
			panic(fmt.Sprintf("verifygrpc: %q is neither /SERVICE/METHOD nor /SERVICE/*", name))
		}
	}
}

// of returns the rules of a method, and whether it has some.
func (r Rules) of(method string) ([]verify.Rule, bool) {
	if rules, ok := r[method]; ok {
		return rules, true
	}
	rules, ok := r[method[:strings.LastIndexByte(method, '/')+1]+"*"]
	return rules, ok
}

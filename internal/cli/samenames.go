package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/signetd/signet/internal/login"
)

// sameNames finds stored user names that have the same canonical form. others
// maps each of them to the other names of that form. There is one warning for
// each form. Earlier versions stored such names; see login.StoredUsernames.
func sameNames(names []string) (others map[string][]string, warnings []string) {
	groups := make(map[string][]string)
	for _, name := range names {
		if form, err := login.CanonicalUsername(name); err == nil {
			groups[form] = append(groups[form], name)
		}
	}

	others = make(map[string][]string)
	for _, group := range groups {
		if len(group) == 1 {
			continue
		}
		for _, name := range group {
			others[name] = slices.DeleteFunc(slices.Clone(group), func(n string) bool { return n == name })
		}
		warnings = append(warnings, fmt.Sprintf("the names %s differ only in case: "+
			"each of these users logs in with the name as it was registered, and a new user cannot have it",
			printable(strings.Join(group, ", "))))
	}
	slices.Sort(warnings)
	return others, warnings
}

package admin

import (
	"slices"

	"github.com/signetd/signet/internal/client"
)

// others are what a client must fit: the audiences, and the names of which each
// belongs to one client.
type others struct {
	audiences map[string]bool
	// origins and certSANs have the ids of the clients.
	origins, certSANs map[string][]string
}

func newOthers(d client.Directory) others {
	o := others{
		audiences: make(map[string]bool, len(d.Audiences)),
		origins:   map[string][]string{}, certSANs: map[string][]string{},
	}
	for i := range d.Audiences {
		o.audiences[d.Audiences[i].ID] = true
	}
	for i := range d.Clients {
		c := &d.Clients[i]
		for _, san := range c.CertSANs {
			o.certSANs[san] = append(o.certSANs[san], c.ID)
		}
		if c.Browser == nil {
			continue
		}
		for _, origin := range c.Browser.Origins {
			o.origins[origin] = append(o.origins[origin], c.ID)
		}
	}
	return o
}

// isTaken reports whether another client than id has a name.
func isTaken(owners []string, id string) bool {
	return slices.ContainsFunc(owners, func(owner string) bool { return owner != id })
}

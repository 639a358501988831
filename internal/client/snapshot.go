package client

import (
	"slices"
	"time"
)

// A Snapshot holds all clients and audiences at one version. It is immutable.
type Snapshot struct {
	version   int64
	clients   map[string]*Client
	audiences map[string]Audience
	// bySAN maps a name in a certificate to the id of the client that has
	// registered it. The id is empty if two clients have registered the name.
	bySAN map[string]string
	// byOrigin maps the origin of a browser application to its client.
	byOrigin map[string]*Client
	// corsOrigins has the CORSOrigins of all enabled public clients.
	corsOrigins map[string]bool
	// confirmed is when the store last confirmed the version.
	confirmed time.Time
}

// Version returns the version of the clients and audiences.
func (s *Snapshot) Version() int64 { return s.version }

// Client returns the client of that id, enabled or not.
func (s *Snapshot) Client(id string) (*Client, bool) {
	c, ok := s.clients[id]
	return c, ok
}

// Audience returns the audience of that id if it is enabled and the client may
// request tokens for it.
func (s *Snapshot) Audience(c Client, id string) (Audience, bool) {
	a, ok := s.audiences[id]
	return a, ok && a.DisabledAt.IsZero() && slices.Contains(c.Audiences, id)
}

// fill copies the clients and audiences of the directory into the snapshot.
func (s *Snapshot) fill(d Directory) {
	s.version = d.Version
	s.clients = make(map[string]*Client, len(d.Clients))
	for i := range d.Clients {
		s.clients[d.Clients[i].ID] = &d.Clients[i]
	}
	s.audiences = make(map[string]Audience, len(d.Audiences))
	for _, a := range d.Audiences {
		s.audiences[a.ID] = a
	}
	s.bySAN = clientsBySAN(d.Clients)
	s.byOrigin = clientsByOrigin(d.Clients)
	s.corsOrigins = corsOriginsOf(d.Clients)
}

// clientsBySAN returns the client ids by the names in their certificates. The
// administration rejects a name that another client has. If two clients have
// the same name nevertheless, it identifies neither.
func clientsBySAN(clients []Client) map[string]string {
	ids := make(map[string]string)
	for _, c := range clients {
		for _, san := range c.CertSANs {
			if other, ok := ids[san]; ok && other != c.ID {
				ids[san] = ""
				continue
			}
			ids[san] = c.ID
		}
	}
	return ids
}

// ByOrigin returns the client whose browser application has that origin,
// enabled or not. The origin is as the Origin header spells it.
func (s *Snapshot) ByOrigin(origin string) (*Client, bool) {
	c, ok := s.byOrigin[origin]
	return c, ok
}

// clientsByOrigin returns the clients by the origins of their applications. The
// administration rejects an origin that another client has. If two clients have
// the same origin nevertheless, it identifies neither.
func clientsByOrigin(clients []Client) map[string]*Client {
	found := make(map[string]*Client)
	for i := range clients {
		c := &clients[i]
		if c.Browser == nil {
			continue
		}
		for _, origin := range c.Browser.Origins {
			if other, ok := found[origin]; ok && other != c {
				found[origin] = nil
				continue
			}
			found[origin] = c
		}
	}
	for origin, c := range found {
		if c == nil {
			delete(found, origin)
		}
	}
	return found
}

package client

import "slices"

// AllowsOrigin reports whether a page of that origin may call the token
// endpoint and the revocation endpoint as this client.
func (c Client) AllowsOrigin(origin string) bool {
	return c.Public && slices.Contains(c.CORSOrigins, origin)
}

// AllowsOrigin reports whether a page of that origin may call the token
// endpoint and the revocation endpoint as one of the enabled clients.
func (s *Snapshot) AllowsOrigin(origin string) bool { return s.corsOrigins[origin] }

// corsOriginsOf returns the CORSOrigins of the enabled public clients.
func corsOriginsOf(clients []Client) map[string]bool {
	origins := make(map[string]bool)
	for _, c := range clients {
		if !c.Public || !c.DisabledAt.IsZero() {
			continue
		}
		for _, origin := range c.CORSOrigins {
			origins[origin] = true
		}
	}
	return origins
}

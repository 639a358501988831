package client

import (
	"testing"
	"time"
)

func TestSnapshot_ByOrigin(t *testing.T) {
	browser := func(id string, origins ...string) Client {
		return Client{ID: id, Public: true, Browser: &Browser{Way: WayPage, Origins: origins}}
	}
	disabled := browser("disabled", "https://disabled.example")
	disabled.DisabledAt = time.Unix(1, 0)
	var s Snapshot
	s.fill(Directory{Clients: []Client{
		browser("a", "https://a.example", "http://localhost:1", "http://localhost:1"),
		browser("b", "https://b.example", "https://twice.example"),
		browser("c", "https://c.example", "https://twice.example"),
		browser("d", "https://twice.example"),
		disabled,
		{ID: "spa", Public: true, CORSOrigins: []string{"https://spa.example"}},
	}})
	for origin, want := range map[string]string{
		"https://a.example":        "a",
		"http://localhost:1":       "a",
		"https://b.example":        "b",
		"https://c.example":        "c",
		"https://disabled.example": "disabled",
		// Of two servers that register an origin at the same moment, both may
		// succeed. Then it is the origin of no client.
		"https://twice.example": "",
		"https://spa.example":   "",
		"https://A.example":     "",
		"null":                  "",
		"":                      "",
	} {
		c, ok := s.ByOrigin(origin)
		if ok != (want != "") || ok && c.ID != want {
			t.Errorf("%q: %v, want %q", origin, c, want)
		}
	}
}

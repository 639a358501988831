package client

import (
	"errors"
	"slices"
	"strings"
)

// ErrRaced is the error of changes of a directory that has another version
// meanwhile.
var ErrRaced = errors.New("clients or audiences have changed meanwhile")

// Changes are changes of a directory that are made together.
type Changes struct {
	// Version is that of the directory whose records the changes have as Old.
	Version   int64
	Audiences []Change[Audience]
	Clients   []Change[Client]
}

// A Change is a change of one record. The record is created if Old is nil, and
// deleted if New is nil. Both have the same id.
type Change[T Audience | Client] struct{ Old, New *T }

// Len returns the number of changes.
func (c Changes) Len() int { return len(c.Audiences) + len(c.Clients) }

// CreatedClients returns the ids of the clients that are created.
func (c Changes) CreatedClients() []string {
	var ids []string
	for _, x := range c.Clients {
		if x.Old == nil {
			ids = append(ids, x.New.ID)
		}
	}
	return ids
}

// DeletedClients returns the ids of the clients that are deleted.
func (c Changes) DeletedClients() []string {
	var ids []string
	for _, x := range c.Clients {
		if x.New == nil {
			ids = append(ids, x.Old.ID)
		}
	}
	return ids
}

// Apply returns the directory after the changes.
func (c Changes) Apply(d Directory) Directory {
	return Directory{
		Version:   d.Version,
		Clients:   apply(d.Clients, c.Clients, func(c Client) string { return c.ID }),
		Audiences: apply(d.Audiences, c.Audiences, func(a Audience) string { return a.ID }),
	}
}

// apply returns the records after the changes, sorted by id.
func apply[T Audience | Client](records []T, changes []Change[T], id func(T) string) []T {
	replaced := make(map[string]bool, len(changes))
	var after []T
	for _, c := range changes {
		if c.Old != nil {
			replaced[id(*c.Old)] = true
		}
		if c.New != nil {
			after = append(after, *c.New)
		}
	}
	for _, r := range records {
		if !replaced[id(r)] {
			after = append(after, r)
		}
	}
	slices.SortFunc(after, func(a, b T) int { return strings.Compare(id(a), id(b)) })
	return after
}

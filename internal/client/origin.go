package client

import (
	"context"
	"errors"

	"github.com/signetd/signet/internal/oauth"
)

// methodOrigin is how a page identifies its client, for the log.
const methodOrigin = "origin"

var errOrigin = errors.New("no client has registered the origin")

// ByOrigin returns the enabled client whose browser application has that
// origin. A browser sets the origin of a request, and no page can set another
// one; other programs can send any. In every other case the error is
// invalid_client. Like Authenticate, it reads the clients again before it
// refuses one.
func (r *Registry) ByOrigin(ctx context.Context, origin string) (Client, error) {
	return find(ctx, r, func(s *Snapshot) (c *Client, err error) {
		if c, err = s.enabledByOrigin(origin); err != nil {
			return nil, oauth.RefusedClient(methodOrigin, origin, err)
		}
		return c, nil
	})
}

func (s *Snapshot) enabledByOrigin(origin string) (*Client, error) {
	c, ok := s.ByOrigin(origin)
	if !ok {
		return nil, errOrigin
	}
	return s.enabled(c.ID)
}

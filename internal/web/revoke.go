package web

import (
	"context"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
)

// A revocationEndpoint is the revocation endpoint (RFC 7009 §2).
type revocationEndpoint struct{ grants *grant.Service }

// respond revokes the grant of a token (RFC 7009 §2.1). It ignores
// token_type_hint, because the token itself shows its type.
func (e revocationEndpoint) respond(ctx context.Context, caller client.Caller, f form) (any, error) {
	token, err := f.required("token")
	if err != nil {
		return nil, err
	}
	return nil, e.grants.RevokeToken(ctx, caller, token)
}

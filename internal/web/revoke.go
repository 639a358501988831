package web

import (
	"context"

	"github.com/signetd/signet/internal/issuer"
)

// revoke ends the grant of a token (RFC 7009 §2.1). The hint is not needed: our tokens tell what they are.
func (e *endpoints) revoke(ctx context.Context, caller issuer.Caller, f form) (any, error) {
	token, err := f.required("token")
	if err != nil {
		return nil, err
	}
	return nil, e.issuer.Revoke(ctx, caller, token)
}

package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

const refreshHelp = `Exchange the stored refresh token for new tokens, and print the decoded access token. If the response is lost, run the
command again: it sends the same idempotency key, so the issuer accepts the old refresh token.`

func newRefreshCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use: "refresh", Short: "Exchange the stored refresh token for new tokens", Long: refreshHelp,
		Args: cobra.NoArgs,
	}
	var r signetv1.RefreshRequest
	f := newCallFlags(c)
	c.Flags().StringArrayVar(&r.Audience, "audience", nil, "limit the token to this `AUDIENCE` (repeatable)")
	c.Flags().StringVar(&r.Scope, "scope", "", "limit the token to this `SCOPE`")
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		call, err := newCall(ctx, p, f, false)
		if err != nil {
			return err
		}
		if call.stored.RefreshToken == "" {
			return errors.New("there is no stored refresh token: run `signet login`")
		}
		r.RefreshToken, r.IdempotencyKey = call.stored.RefreshToken, call.stored.IdempotencyKey
		var response *signetv1.TokenResponse
		err = call.do(ctx, func(ctx context.Context, tokens signetv1.TokenServiceClient) error {
			response, err = tokens.Refresh(ctx, &r)
			return err
		})
		if err != nil {
			return wrapError("refresh", err)
		}
		return call.finish(response)
	}
	return c
}

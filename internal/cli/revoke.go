package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func newRevokeCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use: "revoke", Short: "Revoke the grant of the stored refresh token or of another token",
		Args: rejectTokenArgs,
	}
	f := newCallFlags(c)
	file := addTokenFileFlag(c, "refresh token")
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		call, err := newCall(ctx, p, f, false)
		if err != nil {
			return err
		}
		token, err := call.token(*file, call.stored.RefreshToken)
		if err != nil {
			return err
		}
		err = call.do(ctx, func(ctx context.Context, tokens signetv1.TokenServiceClient) error {
			_, err := tokens.Revoke(ctx, &signetv1.RevokeRequest{Token: token})
			return err
		})
		if err != nil {
			return wrapError("revoke", err)
		}

		if *file == "" {
			token = call.stored.AccessToken // can be decoded; the refresh token is opaque
		}
		result := revokeResult{Revoked: true, decodedToken: decodeToken(token)}
		return p.printResult(result, func(w io.Writer) {
			result.print(w)
			fmt.Fprintln(w, "The grant of this token is revoked.")
		})
	}
	return c
}

// A revokeResult is the result of `revoke`.
type revokeResult struct {
	Revoked bool `json:"revoked"`
	decodedToken
}

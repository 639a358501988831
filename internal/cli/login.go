package cli

import (
	"context"

	"github.com/spf13/cobra"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

const loginHelp = `Log in at a running issuer, print the decoded access token, and store the tokens in token.json in data_dir.

Values without a flag come from dev.json, which ` + "`signet serve --dev`" + ` writes. The command prompts for the rest at the
terminal, or reads lines of standard input: client id, client secret, user name, password.`

func newLoginCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use: "login", Short: "Log in at a running issuer and store the tokens", Long: loginHelp, Args: cobra.NoArgs,
	}
	var r signetv1.LoginRequest
	f, flags := newCallFlags(c), c.Flags()
	flags.StringVar(&r.Username, "username", "", "the user's `NAME`")
	flags.StringArrayVar(&r.Audience, "audience", nil, "an `AUDIENCE` of the token (repeatable; default the client's)")
	flags.StringVar(&r.Scope, "scope", "", "the `SCOPE` of the token (default all that the client may have)")
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		call, err := newCall(ctx, p, f, true)
		if err != nil {
			return err
		}
		if err := completeLogin(ctx, call, &r); err != nil {
			return err
		}
		var response *signetv1.TokenResponse
		err = call.do(ctx, func(ctx context.Context, tokens signetv1.TokenServiceClient) error {
			response, err = tokens.Login(ctx, &r)
			return err
		})
		if err != nil {
			return wrapError("log in", err)
		}
		call.stored.Username = r.Username
		return call.finish(response)
	}
	return c
}

// completeLogin fills in the user and the password: from dev.json if the user
// is that of the demo, else by prompts. It adds the device token if the user is
// the one who logged in last.
func completeLogin(ctx context.Context, c *call, r *signetv1.LoginRequest) (err error) {
	lastUser := c.stored.Username
	if c.demo.Username != "" && (r.Username == "" || r.Username == c.demo.Username) {
		r.Username, r.Password = c.demo.Username, c.demo.Password
	}
	if r.Username == "" {
		if r.Username, err = c.p.prompt(ctx, "User name"); err != nil {
			return err
		}
	}
	if r.Password == "" {
		if r.Password, err = c.p.promptSecret(ctx, "Password"); err != nil {
			return err
		}
	}
	if c.stored.DeviceToken != "" && r.Username == lastUser {
		r.DeviceToken = c.stored.DeviceToken
	}
	return nil
}

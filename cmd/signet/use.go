package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A kept is what the use commands keep of a login, in token.json: the tokens, and who may use them where. The idempotency key
// belongs to the refresh token beside it and stays until that token's successor is kept, so that a lost answer is asked for
// again.
type kept struct {
	GRPC             string    `json:"grpc"`
	ClientID         string    `json:"client_id"`
	ClientSecretFile string    `json:"client_secret_file,omitempty"`
	Public           bool      `json:"public,omitempty"`
	Username         string    `json:"username"`
	Subject          string    `json:"subject"`
	GrantID          string    `json:"grant_id"`
	Scope            string    `json:"scope"`
	AccessToken      string    `json:"access_token"`
	ExpiresAt        time.Time `json:"expires_at"`
	RefreshToken     string    `json:"refresh_token"`
	RefreshExpiresAt time.Time `json:"refresh_expires_at"`
	IdempotencyKey   string    `json:"idempotency_key"`
	DeviceToken      string    `json:"device_token,omitempty"`
	trust
}

// take puts the tokens of an answer in place of the ones before, with a key of their own.
func (k *kept) take(t *signetv1.TokenResponse) {
	now := time.Now().UTC().Truncate(time.Second)
	k.Subject, k.GrantID, k.Scope = t.GetSubject(), t.GetGrantId(), t.GetScope()
	k.AccessToken, k.ExpiresAt = t.GetAccessToken(), now.Add(time.Duration(t.GetExpiresIn())*time.Second)
	k.RefreshToken, k.RefreshExpiresAt = t.GetRefreshToken(), now.Add(time.Duration(t.GetRefreshExpiresIn())*time.Second)
	k.IdempotencyKey = rand.Text()
	if t.GetDeviceToken() != "" {
		k.DeviceToken = t.GetDeviceToken()
	}
}

func (p *program) loginCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "login",
		Short: "Log in at a running issuer and keep the tokens",
		Long: "Log in at a running issuer, print the decoded access token, and keep the answer in token.json in data_dir.\n\n" +
			"What no flag names is taken from dev.json, which `signet serve --dev` writes. What is still missing is asked for: at\n" +
			"the terminal, or as lines of standard input in the order client id, client secret, user name, password.",
		Args: cobra.NoArgs,
	}
	var r signetv1.LoginRequest
	f := newCallerFlags(c)
	c.Flags().StringVar(&r.Username, "username", "", "the user's `NAME`")
	c.Flags().StringArrayVar(&r.Audience, "audience", nil, "an `AUDIENCE` of the token (repeatable; default the client's)")
	c.Flags().StringVar(&r.Scope, "scope", "", "the `SCOPE` of the token (default all that the client may have)")
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		u, err := p.newUse(ctx, f, true)
		if err != nil {
			return err
		}
		if err := u.fillLogin(ctx, &r); err != nil {
			return err
		}
		var answer *signetv1.TokenResponse
		err = u.call(ctx, func(ctx context.Context, tokens signetv1.TokenServiceClient) error {
			answer, err = tokens.Login(ctx, &r)
			return err
		})
		if err != nil {
			return about("log in", err)
		}
		u.kept.Username = r.Username
		return u.keep(answer)
	}
	return c
}

func (p *program) refreshCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "refresh",
		Short: "Exchange the kept refresh token for fresh tokens",
		Long: "Exchange the kept refresh token for fresh tokens, and print the decoded access token. If the answer is lost, refresh\n" +
			"again: the same idempotency key brings the same answer.",
		Args: cobra.NoArgs,
	}
	var r signetv1.RefreshRequest
	f := newCallerFlags(c)
	c.Flags().StringArrayVar(&r.Audience, "audience", nil, "narrow the token to this `AUDIENCE` (repeatable)")
	c.Flags().StringVar(&r.Scope, "scope", "", "narrow the token to this `SCOPE`")
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		u, err := p.newUse(ctx, f, false)
		if err != nil {
			return err
		}
		if u.kept.RefreshToken == "" {
			return errors.New("no refresh token is kept; `signet login` comes first")
		}
		r.RefreshToken, r.IdempotencyKey = u.kept.RefreshToken, u.kept.IdempotencyKey
		var answer *signetv1.TokenResponse
		err = u.call(ctx, func(ctx context.Context, tokens signetv1.TokenServiceClient) error {
			answer, err = tokens.Refresh(ctx, &r)
			return err
		})
		if err != nil {
			return about("refresh", err)
		}
		return u.keep(answer)
	}
	return c
}

func (p *program) revokeCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "revoke", Short: "Revoke the grant of the kept refresh token, or of another token",
		Args: noTokens,
	}
	f := newCallerFlags(c)
	from := tokenFlag(c, "refresh token")
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		u, err := p.newUse(ctx, f, false)
		if err != nil {
			return err
		}
		token, err := u.token(*from, u.kept.RefreshToken)
		if err != nil {
			return err
		}
		err = u.call(ctx, func(ctx context.Context, tokens signetv1.TokenServiceClient) error {
			_, err := tokens.Revoke(ctx, &signetv1.RevokeRequest{Token: token})
			return err
		})
		if err != nil {
			return about("revoke", err)
		}
		if *from == "" {
			token = u.kept.AccessToken
		}
		result := revokeResult{Revoked: true, decoded: decode(token)}
		return p.show(result, func(w io.Writer) {
			result.print(w)
			fmt.Fprintln(w, "revoked: the grant of this token is ended")
		})
	}
	return c
}

// revokeResult is what revoke prints.
type revokeResult struct {
	Revoked bool `json:"revoked"`
	decoded
}

func (p *program) introspectCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "introspect", Short: "Ask what the kept access token, or another token, is worth now",
		Args: noTokens,
	}
	f := newCallerFlags(c)
	from := tokenFlag(c, "access token")
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		u, err := p.newUse(ctx, f, false)
		if err != nil {
			return err
		}
		token, err := u.token(*from, u.kept.AccessToken)
		if err != nil {
			return err
		}
		var found *signetv1.IntrospectResponse
		err = u.call(ctx, func(ctx context.Context, tokens signetv1.TokenServiceClient) error {
			found, err = tokens.Introspect(ctx, &signetv1.IntrospectRequest{Token: token})
			return err
		})
		if err != nil {
			return about("introspect", err)
		}
		result := viewIntrospection(found, token)
		return p.show(result, result.print)
	}
	return c
}

// tokenFlag names another token than the kept one. A token on the command line would be seen by everybody on the machine.
func tokenFlag(c *cobra.Command, kept string) *string {
	return c.Flags().String("token-file", "", "read the token from this `FILE`, - for standard input (default the kept "+kept+")")
}

// noTokens refuses arguments without repeating them.
func noTokens(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError("a token is a secret and does not belong on the command line; give it by --token-file")
	}
	return nil
}

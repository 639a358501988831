package cli

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func newIntrospectCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use: "introspect", Short: "Introspect the stored access token or another token",
		Args: rejectTokenArgs,
	}
	f := newCallFlags(c)
	file := addTokenFileFlag(c, "access token")
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		call, err := newCall(ctx, p, f, false)
		if err != nil {
			return err
		}
		token, err := call.token(*file, call.stored.AccessToken)
		if err != nil {
			return err
		}
		var response *signetv1.IntrospectResponse
		err = call.do(ctx, func(ctx context.Context, tokens signetv1.TokenServiceClient) error {
			response, err = tokens.Introspect(ctx, &signetv1.IntrospectRequest{Token: token})
			return err
		})
		if err != nil {
			return wrapError("introspect", err)
		}
		result := newIntrospectResult(response, token)
		return p.printResult(result, result.print)
	}
	return c
}

// An introspectResult is the result of `introspect` (RFC 7662 §2.2).
type introspectResult struct {
	Active    bool     `json:"active"`
	TokenType string   `json:"token_type,omitempty"`
	Issuer    string   `json:"issuer,omitempty"`
	Subject   string   `json:"subject,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	Audience  []string `json:"audience,omitempty"`
	Scope     string   `json:"scope,omitempty"`
	TokenID   string   `json:"token_id,omitempty"`
	GrantID   string   `json:"grant_id,omitempty"`
	introspectTimes
	decodedToken
}

// introspectTimes has the times of an active token.
type introspectTimes struct {
	ExpiresAt string `json:"expires_at,omitempty"`
	IssuedAt  string `json:"issued_at,omitempty"`
	AuthTime  string `json:"auth_time,omitempty"`
}

func newIntrospectResult(r *signetv1.IntrospectResponse, token string) introspectResult {
	v := introspectResult{
		Active: r.GetActive(), TokenType: r.GetTokenType(), Issuer: r.GetIssuer(), Subject: r.GetSubject(),
		ClientID: r.GetClientId(), Audience: r.GetAudience(), Scope: r.GetScope(), TokenID: r.GetTokenId(),
		GrantID: r.GetGrantId(), decodedToken: decodeToken(token),
	}
	if r.GetActive() {
		v.introspectTimes = introspectTimes{
			ExpiresAt: formatTime(r.GetExpiresAt().AsTime()), IssuedAt: formatTime(r.GetIssuedAt().AsTime()),
			AuthTime: formatTime(r.GetAuthTime().AsTime()),
		}
	}
	return v
}

func (v introspectResult) print(w io.Writer) {
	v.decodedToken.print(w)
	fieldTable{
		{"active", strconv.FormatBool(v.Active)},
		{"token type", v.TokenType},
		{"issuer", v.Issuer},
		{"subject", v.Subject},
		{"client id", v.ClientID},
		{"audience", strings.Join(v.Audience, " ")},
		{"scope", v.Scope},
		{"token id", v.TokenID},
		{"grant id", v.GrantID},
		{"issued", v.IssuedAt},
		{"expires", v.ExpiresAt},
		{"authenticated", v.AuthTime},
	}.print(w)
}

package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/signetd/signet/internal/app"
)

// A canaryResult is the result of `keys --canary`.
type canaryResult struct {
	AccessToken string    `json:"access_token"`
	Key         string    `json:"kid"`
	Algorithm   string    `json:"alg"`
	Audience    string    `json:"audience"`
	ExpiresAt   time.Time `json:"expires_at"`
	decodedToken
}

// issueCanary prints a canary token for an audience. As text it prints the
// token only, so that a script can use the output.
func issueCanary(ctx context.Context, p *program, a *app.App, audience string) error {
	c, err := a.Canary.Issue(ctx, a.Operator(), audience)
	if err != nil {
		return wrapError("audience "+audience, err)
	}
	result := canaryResult{c.Token, c.Key, c.Algorithm, audience, c.ExpiresAt, decodeToken(c.Token)}
	return p.printResult(result, func(w io.Writer) { fmt.Fprintln(w, result.AccessToken) })
}

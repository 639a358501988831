package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/grant"
)

const verifiersHelp = `List the services that follow the feed of revocations under a name, and polled in the last ten minutes. A service has a row
for each server that it polled. Services without a name are not in the list.

KEYS is current if the service had the keys of the JWK Set when it polled, and outdated if it had others: then it may not
have the next signing key. LAG is how long the oldest revocation that it did not have
yet had been available; 0s if it had all of them.`

// verifierView is a verifier in the result of a command.
type verifierView struct {
	Name       string    `json:"name"`
	Server     string    `json:"server"`
	Keys       string    `json:"keys"` // the state, not the ETag
	KeysETag   string    `json:"keys_etag,omitempty"`
	SeenAt     time.Time `json:"seen_at"`
	LagSeconds float64   `json:"lag_seconds"`
}

// newVerifierView returns the view of a verifier. etag is that of the JWK Set.
func newVerifierView(v grant.Verifier, etag string) verifierView {
	view := verifierView{
		Name: v.Name, Server: v.Server, Keys: "outdated", KeysETag: v.Keys, SeenAt: v.SeenAt.UTC(),
		LagSeconds: v.Lag.Seconds(),
	}
	switch {
	case v.Keys == "":
		view.Keys = "unknown"
	case v.HasKeys(etag):
		view.Keys = "current"
	}
	return view
}

// row returns the verifier as a row of the list.
func (v verifierView) row() []string {
	lag := time.Duration(v.LagSeconds * float64(time.Second)).Round(time.Millisecond)
	return []string{v.Name, v.Server, v.Keys, formatTime(v.SeenAt), lag.String()}
}

func newVerifiersCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use: "verifiers", Short: "List the services that follow the feed of revocations", Long: verifiersHelp,
		Args: cobra.NoArgs,
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		a, err := p.openForOperator(ctx)
		if err != nil {
			return err
		}
		defer a.Close()
		if err := a.OpenKeys(ctx); err != nil {
			return err
		}

		views, rows := []verifierView{}, table{{"NAME", "SERVER", "KEYS", "SEEN", "LAG"}}
		for last := (grant.Verifier{}); ; {
			page, err := a.Admin.Verifiers.Verifiers(ctx, last.Name, last.Server, pageSize)
			if err != nil {
				return err
			}
			for _, found := range page {
				v := newVerifierView(found, a.Keys.Set().ETag)
				views, rows, last = append(views, v), append(rows, v.row()), found
			}
			if len(page) < pageSize {
				return p.printResult(views, rows.print)
			}
		}
	}
	return c
}

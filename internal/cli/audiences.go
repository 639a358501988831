package cli

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

func newAudiencesCommand(p *program) *cobra.Command {
	c := newCommandGroup("audiences", "Create, list, change and delete the APIs that verify tokens",
		newAudiencesCreateCommand(p), newAudiencesListCommand(p), newAudiencesShowCommand(p),
		newAudiencesUpdateCommand(p))
	addOperations(c, p, "audience",
		operation{"disable ID", "Stop issuing tokens for an audience", "disabled", (*admin.Admin).DisableAudience},
		operation{"enable ID", "Enable a disabled audience", "enabled", (*admin.Admin).EnableAudience},
		operation{"delete ID", "Delete an audience; grants remain", "deleted", (*admin.Admin).DeleteAudience})
	return c
}

// audienceView is an audience in the result of a command.
type audienceView struct {
	ID                string    `json:"id"`
	Algorithm         string    `json:"alg"`
	PreviousAlgorithm string    `json:"previous_alg,omitempty"`
	Lifetime          string    `json:"lifetime,omitempty"`
	Scope             string    `json:"scope,omitempty"`
	Claims            []string  `json:"claims,omitempty"`
	ReuseTokens       bool      `json:"repeat_tokens"`
	DisabledAt        time.Time `json:"disabled_at,omitzero"`
	CreatedAt         time.Time `json:"created_at"`
}

func newAudienceView(a client.Audience) audienceView {
	return audienceView{
		ID: a.ID, Algorithm: a.Algorithm, PreviousAlgorithm: a.PreviousAlgorithm,
		Lifetime: formatDuration(a.Lifetime), Scope: a.Scope.String(), Claims: a.Claims, ReuseTokens: a.ReuseTokens,
		DisabledAt: a.DisabledAt, CreatedAt: a.CreatedAt,
	}
}

func (v audienceView) print(w io.Writer) {
	fieldTable{
		{"id", v.ID},
		{"alg", v.Algorithm},
		{"previous alg", v.PreviousAlgorithm},
		{"lifetime", v.Lifetime},
		{"scope", v.Scope},
		{"claims", strings.Join(v.Claims, " ")},
		{"reuses tokens", formatYes(v.ReuseTokens)},
		{"disabled", formatTime(v.DisabledAt)},
		{"created", formatTime(v.CreatedAt)},
	}.print(w)
}

// row returns the audience as a row of the list.
func (v audienceView) row() []string {
	return []string{
		v.ID, v.Algorithm, formatState(v.DisabledAt), v.Lifetime, v.Scope, strings.Join(v.Claims, " "),
		formatYes(v.ReuseTokens), formatTime(v.CreatedAt),
	}
}

// audienceFlags are the flags of `audiences create` and `audiences update`.
type audienceFlags struct {
	flags       *pflag.FlagSet
	algorithm   string
	lifetime    time.Duration
	scope       []string
	claims      []string
	reuseTokens bool
}

func newAudienceFlags(c *cobra.Command) *audienceFlags {
	f := &audienceFlags{flags: c.Flags()}
	f.flags.StringVar(&f.algorithm, "alg", "",
		"the signature algorithm of its tokens: `RS256, ES256 or EdDSA` (default RS256)")
	f.flags.DurationVar(&f.lifetime, "lifetime", 0, "the lifetime of its access tokens; 0 is the issuer's default")
	f.flags.StringArrayVar(&f.scope, "scope", nil,
		"a `SCOPE` that its tokens may have (repeatable; default all scopes of the client)")
	f.flags.StringArrayVar(&f.claims, "claim", nil, "the `NAME` of a user's claim that its tokens have (repeatable)")
	f.flags.BoolVar(&f.reuseTokens, "repeat-tokens", false,
		"reuse tokens that clients get for themselves, with the same jti, for the first tenth of their lifetime")
	return f
}

// edit returns a function that sets the fields whose flags are given.
func (f *audienceFlags) edit() (func(*client.Audience), error) {
	scope, err := parseScope(f.scope)
	if err != nil {
		return nil, err
	}
	return func(a *client.Audience) {
		setIfGiven(f.flags, "alg", &a.Algorithm, f.algorithm)
		setIfGiven(f.flags, "lifetime", &a.Lifetime, f.lifetime)
		setIfGiven(f.flags, "scope", &a.Scope, scope)
		setIfGiven(f.flags, "claim", &a.Claims, nonEmpty(f.claims))
		setIfGiven(f.flags, "repeat-tokens", &a.ReuseTokens, f.reuseTokens)
	}, nil
}

func newAudiencesCreateCommand(p *program) *cobra.Command {
	c := &cobra.Command{Use: "create ID", Short: "Register an API that verifies tokens", Args: cobra.ExactArgs(1)}
	f := newAudienceFlags(c)
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		edit, err := f.edit()
		if err != nil {
			return err
		}
		a := client.Audience{ID: args[0]}
		edit(&a)
		if a, err = o.CreateAudience(ctx, o.actor, a); err != nil {
			return wrapError("audience "+args[0], err)
		}
		v := newAudienceView(a)
		return p.printResult(v, v.print)
	})
	return c
}

func newAudiencesListCommand(p *program) *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the audiences", Args: cobra.NoArgs}
	c.RunE = p.asOperator(func(ctx context.Context, o operator, _ []string) error {
		d, err := o.Directory(ctx)
		if err != nil {
			return err
		}
		audiences := []audienceView{}
		rows := table{{"ID", "ALG", "STATE", "LIFETIME", "SCOPE", "CLAIMS", "REUSES", "CREATED"}}
		for _, a := range d.Audiences {
			v := newAudienceView(a)
			audiences, rows = append(audiences, v), append(rows, v.row())
		}
		return p.printResult(audiences, rows.print)
	})
	return c
}

func newAudiencesShowCommand(p *program) *cobra.Command {
	c := &cobra.Command{Use: "show ID", Short: "Show an audience", Args: cobra.ExactArgs(1)}
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		return showAudience(ctx, p, o, args[0])
	})
	return c
}

const audienceUpdateHelp = `Change the fields of an audience whose flags are given. After a change of the algorithm, the old algorithm signs until the
new key has been published for keys.publish_ahead.`

func newAudiencesUpdateCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:   "update ID",
		Short: "Change the fields of an audience whose flags are given",
		Long:  audienceUpdateHelp,
		Args:  cobra.ExactArgs(1),
	}
	f := newAudienceFlags(c)
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		edit, err := f.edit()
		if err != nil {
			return err
		}
		if err := o.UpdateAudience(ctx, o.actor, args[0], edit); err != nil {
			return wrapError("audience "+args[0], err)
		}
		return showAudience(ctx, p, o, args[0])
	})
	return c
}

func showAudience(ctx context.Context, p *program, o operator, id string) error {
	d, err := o.Directory(ctx)
	if err != nil {
		return err
	}
	a, ok := d.Audience(id)
	if !ok {
		return wrapError("audience "+id, oauth.NotFound)
	}
	v := newAudienceView(a)
	return p.printResult(v, v.print)
}

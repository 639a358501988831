package main

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

func (p *program) audiencesCommand() *cobra.Command {
	return family("audiences", "Create, list, change and delete the APIs that verify tokens",
		p.audiencesCreate(), p.audiencesList(), p.audiencesShow(), p.audiencesUpdate(),
		p.verb("disable ID", "Make no more tokens for an audience", "audience", "disabled", operator.DisableAudience),
		p.verb("enable ID", "Make tokens for a disabled audience again", "audience", "enabled", operator.EnableAudience),
		p.verb("delete ID", "Delete an audience; grants stay", "audience", "deleted", operator.DeleteAudience),
	)
}

// audienceView is an audience as results show it.
type audienceView struct {
	ID                string    `json:"id"`
	Algorithm         string    `json:"alg"`
	PreviousAlgorithm string    `json:"previous_alg,omitempty"`
	Lifetime          string    `json:"lifetime,omitempty"`
	Scope             string    `json:"scope,omitempty"`
	Claims            []string  `json:"claims,omitempty"`
	RepeatTokens      bool      `json:"repeat_tokens"`
	DisabledAt        time.Time `json:"disabled_at,omitzero"`
	CreatedAt         time.Time `json:"created_at"`
}

func viewAudience(a client.Audience) audienceView {
	return audienceView{
		ID: a.ID, Algorithm: a.Algorithm, PreviousAlgorithm: a.PreviousAlgorithm, Lifetime: lasting(a.Lifetime),
		Scope: a.Scope.String(), Claims: a.Claims, RepeatTokens: a.ReuseTokens, DisabledAt: a.DisabledAt, CreatedAt: a.CreatedAt,
	}
}

func (v audienceView) print(w io.Writer) {
	sheet{
		{"id", v.ID},
		{"alg", v.Algorithm},
		{"previous alg", v.PreviousAlgorithm},
		{"lifetime", v.Lifetime},
		{"scope", v.Scope},
		{"claims", strings.Join(v.Claims, " ")},
		{"repeats tokens", v.repeats()},
		{"disabled", when(v.DisabledAt)},
		{"created", when(v.CreatedAt)},
	}.print(w)
}

func (v audienceView) repeats() string { return map[bool]string{true: "yes"}[v.RepeatTokens] }

// audienceFlags are what create and update set.
type audienceFlags struct {
	flags     *pflag.FlagSet
	algorithm string
	lifetime  time.Duration
	scope     []string
	claims    []string
	repeat    bool
}

func newAudienceFlags(c *cobra.Command) *audienceFlags {
	f := &audienceFlags{flags: c.Flags()}
	f.flags.StringVar(&f.algorithm, "alg", "", "how its tokens are signed: `RS256, ES256 or EdDSA` (default RS256)")
	f.flags.DurationVar(&f.lifetime, "lifetime", 0, "how long its access tokens live; 0 is the issuer's default")
	f.flags.StringArrayVar(&f.scope, "scope", nil, "the `SCOPE` that its tokens may carry (repeatable; default whatever the client may have)")
	f.flags.StringArrayVar(&f.claims, "claim", nil, "the `NAME` of a user's claim that its tokens carry (repeatable)")
	f.flags.BoolVar(&f.repeat, "repeat-tokens", false,
		"let clients that ask in their own name be given the same token, jti and all, for the first tenth of its life")
	return f
}

// edit sets what the command line names.
func (f *audienceFlags) edit(scope oauth.Scope) func(*client.Audience) {
	return func(a *client.Audience) {
		set(f.flags, "alg", &a.Algorithm, f.algorithm)
		set(f.flags, "lifetime", &a.Lifetime, f.lifetime)
		set(f.flags, "scope", &a.Scope, scope)
		set(f.flags, "claim", &a.Claims, nonEmpty(f.claims))
		set(f.flags, "repeat-tokens", &a.ReuseTokens, f.repeat)
	}
}

func (p *program) audiencesCreate() *cobra.Command {
	c := &cobra.Command{Use: "create ID", Short: "Register an API that verifies tokens", Args: cobra.ExactArgs(1)}
	f := newAudienceFlags(c)
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		scope, err := parseScope(f.scope)
		if err != nil {
			return err
		}
		a := client.Audience{ID: args[0]}
		f.edit(scope)(&a)
		if a, err = o.CreateAudience(ctx, o.actor, a); err != nil {
			return about("audience "+args[0], err)
		}
		return p.show(viewAudience(a), viewAudience(a).print)
	})
	return c
}

func (p *program) audiencesList() *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the audiences", Args: cobra.NoArgs}
	c.RunE = p.asOperator(func(ctx context.Context, o operator, _ []string) error {
		d, err := o.Directory(ctx)
		if err != nil {
			return err
		}
		audiences, lines := []audienceView{}, table{{"ID", "ALG", "STATE", "LIFETIME", "SCOPE", "CLAIMS", "REPEATS", "CREATED"}}
		for _, x := range d.Audiences {
			v := viewAudience(x)
			audiences = append(audiences, v)
			lines = append(lines, []string{
				v.ID, v.Algorithm, stateOf(v.DisabledAt), v.Lifetime, v.Scope, strings.Join(v.Claims, " "), v.repeats(), when(v.CreatedAt),
			})
		}
		return p.show(audiences, lines.print)
	})
	return c
}

func (p *program) audiencesShow() *cobra.Command {
	c := &cobra.Command{Use: "show ID", Short: "Show an audience", Args: cobra.ExactArgs(1)}
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		return p.showAudience(ctx, o, args[0])
	})
	return c
}

func (p *program) audiencesUpdate() *cobra.Command {
	c := &cobra.Command{
		Use:   "update ID",
		Short: "Change what is named of an audience, and leave the rest",
		Long: "Change what is named of an audience, and leave the rest. If that is the algorithm, the old one goes on signing until the\n" +
			"new one's key has been published for long enough.",
		Args: cobra.ExactArgs(1),
	}
	f := newAudienceFlags(c)
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		scope, err := parseScope(f.scope)
		if err != nil {
			return err
		}
		if err := o.UpdateAudience(ctx, o.actor, args[0], f.edit(scope)); err != nil {
			return about("audience "+args[0], err)
		}
		return p.showAudience(ctx, o, args[0])
	})
	return c
}

func (p *program) showAudience(ctx context.Context, o operator, id string) error {
	d, err := o.Directory(ctx)
	if err != nil {
		return err
	}
	a, ok := d.Audience(id)
	if !ok {
		return about("audience "+id, oauth.NotFound)
	}
	return p.show(viewAudience(a), viewAudience(a).print)
}

package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/login"
)

// pageSize is how many users or grants are read at once.
const pageSize = 1000

func (p *program) usersCommand() *cobra.Command {
	return family("users", "Create, list, change and delete the people who log in",
		p.usersCreate(), p.usersList(), p.usersShow(), p.usersUpdate(), p.usersSetPassword(), p.usersImport(),
		p.verb("disable NAME", "Refuse a user's logins and suspend the user's grants", "user", "disabled", operator.DisableUser),
		p.verb("enable NAME", "Let a disabled user in again, and lift the suspension of the user's grants", "user", "enabled", operator.EnableUser),
		p.verb("unlock NAME", "Forget a user's failed logins, so that the next ones are not throttled", "user", "unlocked", operator.UnlockUser),
		p.verb("delete NAME", "Delete a user and revoke the user's grants", "user", "deleted", operator.DeleteUser),
	)
}

// userView is a user as results show it.
type userView struct {
	ID         string         `json:"id"`
	Username   string         `json:"username"`
	Claims     map[string]any `json:"claims,omitempty"`
	DisabledAt time.Time      `json:"disabled_at,omitzero"`
	CreatedAt  time.Time      `json:"created_at"`
}

func viewUser(u login.User) userView {
	return userView{ID: u.ID, Username: u.Username, Claims: u.Claims, DisabledAt: u.DisabledAt, CreatedAt: u.CreatedAt}
}

func (v userView) print(w io.Writer) {
	sheet{
		{"username", v.Username},
		{"id", v.ID},
		{"claims", claimsText(v.Claims)},
		{"disabled", when(v.DisabledAt)},
		{"created", when(v.CreatedAt)},
	}.print(w)
}

func (p *program) usersCreate() *cobra.Command {
	c := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a user; the password is asked for, or is the first line of standard input",
		Args:  cobra.ExactArgs(1),
	}
	given := claimFlag(c, "a claim `NAME=VALUE` of the user's tokens; a value with a comma is a list (repeatable)")
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		claims, err := parseClaims(*given)
		if err != nil {
			return err
		}
		for name, value := range claims {
			if value == nil {
				return usageError("the claim " + name + " has no value")
			}
		}
		secret, err := p.askNewSecret(ctx, "Password")
		if err != nil {
			return err
		}
		u, err := o.CreateUser(ctx, o.actor, args[0], secret, claims)
		if err != nil {
			return about("user "+args[0], err)
		}
		return p.show(viewUser(u), viewUser(u).print)
	})
	return c
}

func (p *program) usersList() *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the users", Args: cobra.NoArgs}
	c.RunE = p.asOperator(func(ctx context.Context, o operator, _ []string) error {
		users, lines := []userView{}, table{{"USERNAME", "ID", "STATE", "CREATED"}}
		for after := ""; ; {
			page, err := o.Users(ctx, after, pageSize)
			if err != nil {
				return err
			}
			for _, u := range page {
				users = append(users, viewUser(u))
				lines = append(lines, []string{u.Username, u.ID, stateOf(u.DisabledAt), when(u.CreatedAt)})
			}
			if len(page) < pageSize {
				return p.show(users, lines.print)
			}
			after = page[len(page)-1].Username
		}
	})
	return c
}

func (p *program) usersShow() *cobra.Command {
	c := &cobra.Command{Use: "show NAME", Short: "Show a user", Args: cobra.ExactArgs(1)}
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		u, err := o.User(ctx, args[0])
		if err != nil {
			return about("user "+args[0], err)
		}
		return p.show(viewUser(u), viewUser(u).print)
	})
	return c
}

func (p *program) usersUpdate() *cobra.Command {
	c := &cobra.Command{Use: "update NAME", Short: "Change a user's claims", Args: cobra.ExactArgs(1)}
	given := claimFlag(c, "set the claim `NAME=VALUE`; a value with a comma is a list, none removes the claim (repeatable)")
	_ = c.MarkFlagRequired("claim")
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		changes, err := parseClaims(*given)
		if err != nil {
			return err
		}
		u, err := o.User(ctx, args[0])
		if err != nil {
			return about("user "+args[0], err)
		}
		claims := maps.Clone(u.Claims)
		if claims == nil {
			claims = map[string]any{}
		}
		maps.Copy(claims, changes)
		maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
		if err := o.SetClaims(ctx, o.actor, args[0], claims); err != nil {
			return about("user "+args[0], err)
		}
		u.Claims = claims
		return p.show(viewUser(u), viewUser(u).print)
	})
	return c
}

func (p *program) usersSetPassword() *cobra.Command {
	c := &cobra.Command{
		Use:   "set-password NAME",
		Short: "Replace a user's password and revoke the user's grants; asked for, or the first line of standard input",
		Args:  cobra.ExactArgs(1),
	}
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		if _, err := o.User(ctx, args[0]); err != nil {
			return about("user "+args[0], err)
		}
		secret, err := p.askNewSecret(ctx, "New password")
		if err != nil {
			return err
		}
		if err := o.SetPassword(ctx, o.actor, args[0], secret); err != nil {
			return about("user "+args[0], err)
		}
		return p.did("user", args[0], "given a new password")
	})
	return c
}

func claimFlag(c *cobra.Command, usage string) *[]string {
	return c.Flags().StringArray("claim", nil, usage)
}

// parseClaims reads NAME=VALUE. A value with a comma is a list of text, a repeated name too, any other value is text; nil
// stands for no value.
func parseClaims(given []string) (map[string]any, error) {
	claims := make(map[string]any, len(given))
	for _, g := range given {
		name, value, ok := strings.Cut(g, "=")
		if !ok || name == "" {
			return nil, usageError("--claim wants NAME=VALUE")
		}
		earlier, repeated := claims[name]
		switch {
		case value == "" && !repeated:
			claims[name] = nil
		case repeated || strings.Contains(value, ","):
			items := slices.DeleteFunc(strings.Split(value, ","), func(item string) bool { return item == "" })
			claims[name] = append(asList(earlier), items...)
		default:
			claims[name] = value
		}
	}
	return claims, nil
}

func asList(claim any) []string {
	switch c := claim.(type) {
	case string:
		return []string{c}
	case []string:
		return c
	}
	return []string{}
}

func claimsText(claims map[string]any) string {
	texts := make([]string, 0, len(claims))
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		texts = append(texts, fmt.Sprintf("%s=%v", name, claims[name]))
	}
	return strings.Join(texts, " ")
}

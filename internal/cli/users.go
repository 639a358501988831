package cli

import (
	"context"
	"io"
	"maps"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/login"
)

func newUsersCommand(p *program) *cobra.Command {
	c := newCommandGroup("users", "Create, list, change and delete the people who log in",
		newUsersCreateCommand(p), newUsersListCommand(p), newUsersShowCommand(p), newUsersUpdateCommand(p),
		newUsersSetPasswordCommand(p), newUsersImportCommand(p))
	addOperations(c, p, "user",
		operation{
			"disable NAME", "Reject a user's logins and suspend the user's grants", "disabled",
			(*admin.Admin).DisableUser,
		},
		operation{
			"enable NAME", "Enable a disabled user and resume the user's grants", "enabled",
			(*admin.Admin).EnableUser,
		},
		operation{
			"unlock NAME", "Reset the login limits of a user", "unlocked",
			(*admin.Admin).UnlockUser,
		},
		operation{"delete NAME", "Delete a user and revoke the user's grants", "deleted", (*admin.Admin).DeleteUser})
	return c
}

// userView is a user in the result of a command.
type userView struct {
	ID         string         `json:"id"`
	Username   string         `json:"username"`
	Claims     map[string]any `json:"claims,omitempty"`
	DisabledAt time.Time      `json:"disabled_at,omitzero"`
	CreatedAt  time.Time      `json:"created_at"`
	// SameNameAs are the other users of a list whose names differ only in case.
	SameNameAs []string `json:"same_name_as,omitempty"`
}

func newUserView(u login.User) userView {
	return userView{ID: u.ID, Username: u.Username, Claims: u.Claims, DisabledAt: u.DisabledAt, CreatedAt: u.CreatedAt}
}

func (v userView) print(w io.Writer) {
	fieldTable{
		{"username", v.Username},
		{"id", v.ID},
		{"claims", formatClaims(v.Claims)},
		{"disabled", formatTime(v.DisabledAt)},
		{"created", formatTime(v.CreatedAt)},
	}.print(w)
}

// showUser prints a user as the result of a command.
func showUser(p *program, u login.User) error {
	v := newUserView(u)
	return p.printResult(v, v.print)
}

func newUsersCreateCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a user with a password from a prompt or the first line of standard input",
		Args:  cobra.ExactArgs(1),
	}
	flags := addClaimFlags(c, "a claim `NAME=VALUE` for the user's tokens; a value with a comma is a list (repeatable)")
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		claims, err := flags.parse()
		if err != nil {
			return err
		}
		for name, value := range claims {
			if value == nil {
				return usageError("the claim " + name + " has no value")
			}
		}
		secret, err := p.promptNewSecret(ctx, "Password")
		if err != nil {
			return err
		}
		u, err := o.CreateUser(ctx, o.actor, args[0], secret, claims)
		if err != nil {
			return wrapError("user "+args[0], err)
		}
		return showUser(p, u)
	})
	return c
}

func newUsersListCommand(p *program) *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the users", Args: cobra.NoArgs}
	c.RunE = p.asOperator(func(ctx context.Context, o operator, _ []string) error {
		users := []userView{}
		for after := ""; ; {
			page, err := o.Users(ctx, after, pageSize)
			if err != nil {
				return err
			}
			for _, u := range page {
				users = append(users, newUserView(u))
			}
			if len(page) < pageSize {
				break
			}
			after = page[len(page)-1].Username
		}

		names := make([]string, len(users))
		for i, v := range users {
			names[i] = v.Username
		}
		same, warnings := sameNames(names)
		printWarnings(p.err, warnings)
		rows := table{{"USERNAME", "ID", "STATE", "CREATED"}}
		for i := range users {
			v := &users[i]
			state := formatState(v.DisabledAt)
			if v.SameNameAs = same[v.Username]; v.SameNameAs != nil {
				state += " (same name as " + strings.Join(v.SameNameAs, ", ") + ")"
			}
			rows = append(rows, []string{v.Username, v.ID, state, formatTime(v.CreatedAt)})
		}
		return p.printResult(users, rows.print)
	})
	return c
}

func newUsersShowCommand(p *program) *cobra.Command {
	c := &cobra.Command{Use: "show NAME", Short: "Show a user", Args: cobra.ExactArgs(1)}
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		u, err := o.User(ctx, args[0])
		if err != nil {
			return wrapError("user "+args[0], err)
		}
		return showUser(p, u)
	})
	return c
}

func newUsersUpdateCommand(p *program) *cobra.Command {
	c := &cobra.Command{Use: "update NAME", Short: "Change a user's claims", Args: cobra.ExactArgs(1)}
	flags := addClaimFlags(c,
		"set the claim `NAME=VALUE`; a value with a comma is a list, an empty value removes the claim (repeatable)")
	c.MarkFlagsOneRequired("claim", "claim-json")
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		changes, err := flags.parse()
		if err != nil {
			return err
		}
		u, err := o.User(ctx, args[0])
		if err != nil {
			return wrapError("user "+args[0], err)
		}
		claims := maps.Clone(u.Claims)
		if claims == nil {
			claims = map[string]any{}
		}
		maps.Copy(claims, changes)
		maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
		if err := o.SetClaims(ctx, o.actor, args[0], claims); err != nil {
			return wrapError("user "+args[0], err)
		}
		u.Claims = claims
		return showUser(p, u)
	})
	return c
}

func newUsersSetPasswordCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:   "set-password NAME",
		Short: "Replace a user's password, from a prompt or standard input, and revoke the user's grants",
		Args:  cobra.ExactArgs(1),
	}
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		if _, err := o.User(ctx, args[0]); err != nil {
			return wrapError("user "+args[0], err)
		}
		secret, err := p.promptNewSecret(ctx, "New password")
		if err != nil {
			return err
		}
		if err := o.SetPassword(ctx, o.actor, args[0], secret); err != nil {
			return wrapError("user "+args[0], err)
		}
		return p.printDone("user", args[0], "password replaced")
	})
	return c
}

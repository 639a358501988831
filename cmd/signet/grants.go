package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

func (p *program) grantsCommand() *cobra.Command {
	return family("grants", "List and revoke the logins of a user", p.grantsList(), p.grantsRevoke())
}

// grantView is a grant as results show it.
type grantView struct {
	ID           string    `json:"grant_id"`
	Subject      string    `json:"subject"`
	ClientID     string    `json:"client_id"`
	State        string    `json:"state"`
	RevokeReason string    `json:"revoke_reason,omitempty"`
	Audience     []string  `json:"audience"`
	Scope        string    `json:"scope"`
	DeviceLabel  string    `json:"device_label,omitempty"`
	IP           string    `json:"ip,omitempty"`
	CreatedAt    time.Time `json:"created_at"`
	MovedAt      time.Time `json:"moved_at"`
	ExpiresAt    time.Time `json:"expires_at"`
	SuspendedAt  time.Time `json:"suspended_at,omitzero"`
	RevokedAt    time.Time `json:"revoked_at,omitzero"`
}

func viewGrant(g grant.Grant, now time.Time) grantView {
	return grantView{
		ID: g.ID.String(), Subject: g.UserID, ClientID: g.ClientID, RevokeReason: g.RevokeReason, Audience: append([]string{}, g.Audience...),
		Scope: g.Scope.String(), DeviceLabel: g.DeviceLabel, IP: g.IP, CreatedAt: g.CreatedAt, MovedAt: g.RotatedAt, ExpiresAt: g.EndsAt(),
		SuspendedAt: g.SuspendedAt, RevokedAt: g.RevokedAt, State: string(g.State(now)),
	}
}

func (v grantView) line() []string {
	state := v.State
	if v.RevokeReason != "" {
		state += " (" + v.RevokeReason + ")"
	}
	return []string{
		v.ID, v.ClientID, state, strings.Join(v.Audience, " "), v.Scope, v.DeviceLabel, when(v.CreatedAt), when(v.MovedAt), when(v.ExpiresAt),
	}
}

func (p *program) grantsList() *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the grants of a user, the ended ones too", Args: cobra.NoArgs}
	name := userFlag(c)
	c.RunE = p.asOperator(func(ctx context.Context, o operator, _ []string) error {
		grants, now := []grantView{}, time.Now()
		lines := table{{"GRANT", "CLIENT", "STATE", "AUDIENCE", "SCOPE", "DEVICE", "CREATED", "LAST USED", "ENDS"}}
		err := eachGrant(ctx, o, *name, func(g grant.Grant) bool {
			v := viewGrant(g, now)
			grants, lines = append(grants, v), append(lines, v.line())
			return true
		})
		if err != nil {
			return about("user "+*name, err)
		}
		return p.show(grants, lines.print)
	})
	return c
}

func (p *program) grantsRevoke() *cobra.Command {
	c := &cobra.Command{Use: "revoke", Short: "Revoke all grants of a user, or one, or what an audit log says", Long: replayHelp, Args: cobra.NoArgs}
	flags := c.Flags()
	name := flags.String("user", "", "the user's `NAME`")
	grant := flags.String("grant", "", "revoke this `GRANT` only")
	log := flags.String("replay", "", "do again what the audit log `FILE` says, after a restore")
	since := flags.String("since", "", "with --replay: leave out what was before this `TIME`, that of the backup (RFC 3339)")
	c.MarkFlagsOneRequired("user", "replay")
	c.MarkFlagsMutuallyExclusive("user", "replay")
	c.MarkFlagsMutuallyExclusive("grant", "replay")
	c.MarkFlagsMutuallyExclusive("user", "since")
	byUser := p.asOperator(func(ctx context.Context, o operator, _ []string) error {
		revoke := revokeAll
		if flags.Changed("grant") {
			revoke = revokeOne
		}
		n, err := revoke(ctx, o, *name, *grant)
		if err != nil {
			return about("user "+*name, err)
		}
		return p.show(map[string]any{"user": *name, "revoked": n}, func(w io.Writer) {
			fmt.Fprintf(w, "user %s: %d revoked\n", printable(*name), n)
		})
	})
	c.RunE = func(c *cobra.Command, args []string) error {
		if flags.Changed("replay") {
			return p.replay(c.Context(), *log, *since)
		}
		return byUser(c, args)
	}
	return c
}

func revokeAll(ctx context.Context, o operator, name, _ string) (int, error) {
	return o.RevokeGrants(ctx, o.actor, name)
}

// revokeOne revokes the grant if it is the user's.
func revokeOne(ctx context.Context, o operator, name, gr string) (int, error) {
	id, err := oauth.ParseGrantID(gr)
	if err != nil {
		return 0, err
	}
	var found *grant.Grant
	err = eachGrant(ctx, o, name, func(g grant.Grant) bool {
		if g.ID == id {
			found = &g
		}
		return found == nil
	})
	switch {
	case err != nil:
		return 0, err
	case found == nil:
		return 0, fmt.Errorf("has no grant %s", gr)
	case !found.RevokedAt.IsZero():
		return 0, nil
	}
	return 1, o.RevokeGrant(ctx, o.actor, id)
}

// eachGrant calls do for every grant of the user, until it returns false.
func eachGrant(ctx context.Context, o operator, name string, do func(grant.Grant) bool) error {
	for after := (oauth.GrantID{}); ; {
		page, err := o.Grants(ctx, name, after, pageSize)
		if err != nil {
			return err
		}
		for _, g := range page {
			if !do(g) {
				return nil
			}
		}
		if len(page) < pageSize {
			return nil
		}
		after = page[len(page)-1].ID
	}
}

func userFlag(c *cobra.Command) *string {
	name := c.Flags().String("user", "", "the user's `NAME`")
	_ = c.MarkFlagRequired("user")
	return name
}

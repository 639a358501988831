package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

func newGrantsCommand(p *program) *cobra.Command {
	return newCommandGroup("grants", "List and revoke the logins of a user",
		newGrantsListCommand(p), newGrantsRevokeCommand(p))
}

// grantView is a grant in the result of a command.
type grantView struct {
	ID           string   `json:"grant_id"`
	Subject      string   `json:"subject"`
	ClientID     string   `json:"client_id"`
	Way          string   `json:"way,omitempty"`
	State        string   `json:"state"`
	RevokeReason string   `json:"revoke_reason,omitempty"`
	Audience     []string `json:"audience"`
	Scope        string   `json:"scope"`
	DeviceLabel  string   `json:"device_label,omitempty"`
	IP           string   `json:"ip,omitempty"`
	grantTimes
}

// grantTimes has the times of a grant.
type grantTimes struct {
	CreatedAt   time.Time `json:"created_at"`
	RotatedAt   time.Time `json:"moved_at"`
	ExpiresAt   time.Time `json:"expires_at"`
	SuspendedAt time.Time `json:"suspended_at,omitzero"`
	RevokedAt   time.Time `json:"revoked_at,omitzero"`
}

func newGrantView(g grant.Grant, way client.Way, now time.Time) grantView {
	return grantView{
		ID: g.ID.String(), Subject: g.UserID, ClientID: g.ClientID, Way: string(way), State: string(g.State(now)),
		RevokeReason: g.RevokeReason, Audience: append([]string{}, g.Audience...), Scope: g.Scope.String(),
		DeviceLabel: g.DeviceLabel, IP: g.IP,
		grantTimes: grantTimes{
			CreatedAt: g.CreatedAt, RotatedAt: g.RotatedAt, ExpiresAt: g.EndsAt(), SuspendedAt: g.SuspendedAt,
			RevokedAt: g.RevokedAt,
		},
	}
}

// row returns the grant as a row of the list.
func (v grantView) row() []string {
	state := v.State
	if v.RevokeReason != "" {
		state += " (" + v.RevokeReason + ")"
	}
	return []string{
		v.ID, v.ClientID, v.Way, state, strings.Join(v.Audience, " "), v.Scope, v.DeviceLabel,
		formatTime(v.CreatedAt), formatTime(v.RotatedAt), formatTime(v.ExpiresAt),
	}
}

func newGrantsListCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use: "list", Short: "List the grants of a user, with expired and revoked ones", Args: cobra.NoArgs,
	}
	name := c.Flags().String("user", "", "the user's `NAME`")
	_ = c.MarkFlagRequired("user")
	c.RunE = p.asOperator(func(ctx context.Context, o operator, _ []string) error {
		ways, err := clientWays(ctx, o)
		if err != nil {
			return err
		}
		grants, now := []grantView{}, o.now()
		rows := table{{
			"GRANT", "CLIENT", "WAY", "STATE", "AUDIENCE", "SCOPE", "DEVICE", "CREATED", "LAST USED", "ENDS",
		}}
		err = forEachGrant(ctx, o, *name, func(g grant.Grant) {
			v := newGrantView(g, ways[g.ClientID], now)
			grants, rows = append(grants, v), append(rows, v.row())
		})
		if err != nil {
			return wrapError("user "+*name, err)
		}
		return p.printResult(grants, rows.print)
	})
	return c
}

// clientWays returns how the browsers of each client hold a login.
func clientWays(ctx context.Context, o operator) (map[string]client.Way, error) {
	d, err := o.Directory(ctx)
	if err != nil {
		return nil, err
	}
	ways := make(map[string]client.Way, len(d.Clients))
	for _, c := range d.Clients {
		ways[c.ID] = c.Way()
	}
	return ways, nil
}

func newGrantsRevokeCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use: "revoke", Short: "Revoke grants of a user, or replay an audit log after a restore", Long: revokeHelp,
		Args: cobra.NoArgs,
	}
	flags := c.Flags()
	name := flags.String("user", "", "the user's `NAME`")
	id := flags.String("grant", "", "revoke this `GRANT` only")
	log := flags.String("replay", "", "replay the audit log in `FILE` after a restore")
	since := flags.String("since", "", "with --replay: skip events before `TIME`, the time of the backup (RFC 3339)")
	c.MarkFlagsOneRequired("user", "replay")
	c.MarkFlagsMutuallyExclusive("user", "replay")
	c.MarkFlagsMutuallyExclusive("grant", "replay")
	c.MarkFlagsMutuallyExclusive("user", "since")

	revoke := p.asOperator(func(ctx context.Context, o operator, _ []string) error {
		var n int
		var err error
		if flags.Changed("grant") {
			n, err = revokeGrant(ctx, o, *name, *id)
		} else {
			n, err = o.RevokeGrants(ctx, o.actor, *name)
		}
		if err != nil {
			return wrapError("user "+*name, err)
		}
		return p.printResult(map[string]any{"user": *name, "revoked": n}, func(w io.Writer) {
			fmt.Fprintf(w, "user %s: %d revoked\n", printable(*name), n)
		})
	})
	c.RunE = func(c *cobra.Command, args []string) error {
		if flags.Changed("replay") {
			return replayLog(c.Context(), p, *log, *since)
		}
		return revoke(c, args)
	}
	return c
}

// revokeGrant revokes one grant of a user. It returns 0 if the grant was
// revoked before, and an error if the user has no such grant.
func revokeGrant(ctx context.Context, o operator, name, grantID string) (int, error) {
	id, err := oauth.ParseGrantID(grantID)
	if err != nil {
		return 0, err
	}
	g, err := o.Grant(ctx, name, id)
	switch {
	case errors.Is(err, oauth.NotFound):
		return 0, fmt.Errorf("has no grant %s", grantID)
	case err != nil:
		return 0, err
	case !g.RevokedAt.IsZero():
		return 0, nil
	}
	return 1, o.RevokeGrant(ctx, o.actor, id)
}

// forEachGrant calls visit for each grant of a user, the newest first.
func forEachGrant(ctx context.Context, o operator, name string, visit func(grant.Grant)) error {
	for after := (grant.Position{}); ; {
		page, err := o.Grants(ctx, name, after, pageSize)
		if err != nil {
			return err
		}
		for _, g := range page.Grants {
			visit(g)
		}
		if page.Next.IsZero() {
			return nil
		}
		after = page.Next
	}
}

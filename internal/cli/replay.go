package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/app"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/privatefile"
	"github.com/signetd/signet/keys"
)

// revokeHelp is the help of `grants revoke`.
const revokeHelp = `Revoke all grants of a user, or one of them. The result is the number of grants that were live, counted to at most 1,000.
The command revokes all of them, also if there are more.

With --replay, repeat the changes that a store lost because it was restored from a backup. FILE is the log that the servers
wrote to stderr (- is standard input). It may have other lines between the events. The command revokes grants, disables,
enables and deletes users and clients, revokes access tokens, and compromises keys, as the events say. It prints changes
that it cannot repeat.
An event whose change is already in the store has no effect, so FILE may be the whole log, and the command may run more than
once. With --since, the time of the backup, the command skips events that are older by more than keys.clock_skew, and counts
lost logins. Run it before the servers start on the restored store, and before signet keys --accept-restore.`

// A replayedEvent is an event that changed something, failed, or shows a loss.
type replayedEvent struct {
	Time    time.Time `json:"time"`
	Event   string    `json:"event"`
	Target  string    `json:"target"`
	Changed int       `json:"changed"`
	Lost    string    `json:"lost,omitempty"`
	Error   string    `json:"error,omitempty"`
}

// A replay repeats the events of an audit log on a restored store. Its exported
// fields are the result of the command.
type replay struct {
	app   *app.App
	since time.Time

	Events     int             `json:"events"`
	Changed    int             `json:"changed"`
	Reported   []replayedEvent `json:"told"`
	LostLogins int             `json:"lost_logins"`
	Faults     []string        `json:"faults,omitempty"`
	failed     bool
}

// replayLog repeats the events of the audit log at path.
func replayLog(ctx context.Context, p *program, path, since string) error {
	r := &replay{Reported: []replayedEvent{}}
	if since != "" {
		var err error
		if r.since, err = time.Parse(time.RFC3339, since); err != nil {
			return usageError("--since must be a time such as 2026-01-31T23:59:59Z")
		}
	}
	var err error
	if r.app, err = p.openForOperator(ctx); err != nil {
		return err
	}
	defer r.app.Close()
	events, err := r.readFile(path, p.in)
	if err != nil {
		return err
	}
	for _, e := range events {
		r.repeat(ctx, e)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if err := p.printResult(r, r.print); err != nil {
		return err
	}
	if len(r.Faults) > 0 || r.failed {
		return errors.New("not all events could be replayed; the others are done")
	}
	return nil
}

// readFile returns the events of the audit log at path that have to be
// repeated, in order. "-" is standard input.
func (r *replay) readFile(path string, stdin io.Reader) ([]audit.Event, error) {
	in := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	events, faults, err := audit.Read(privatefile.NewReader(in))
	r.Faults = faults
	skew := r.app.Config.Keys.ClockSkew // how far the time of an event may differ from the time of the backup
	events = slices.DeleteFunc(events, func(e audit.Event) bool {
		// A refused request changed nothing, except for refresh token reuse:
		// the refusal revoked the grant.
		refused := e.Failed && e.Name != audit.RefreshReused
		return refused || !r.since.IsZero() && e.Time.Add(skew).Before(r.since)
	})
	return admin.DropSuperseded(events), wrapError("read "+path, err)
}

// repeat repeats one event and adds it to the result.
func (r *replay) repeat(ctx context.Context, e audit.Event) {
	r.Events++
	done, err := r.apply(ctx, e)
	r.Changed += done.Changed
	login := e.Name == audit.LoginSucceeded || e.Name == audit.TokenMinted
	reported := replayedEvent{Time: e.Time, Event: e.Name, Target: e.Target(), Changed: done.Changed, Lost: done.Lost}
	switch {
	case err != nil:
		reported.Error, r.failed = describe(err), true
	case login && done.Lost != "":
		r.LostLogins++
		return
	case done == admin.ReplayResult{}:
		return
	}
	r.Reported = append(r.Reported, reported)
}

// apply makes the change of one event, unless the store has it.
func (r *replay) apply(ctx context.Context, e audit.Event) (admin.ReplayResult, error) {
	switch e.Name {
	case audit.KeyCompromised, audit.KeyCreated:
		return r.applyKey(ctx, e)
	case audit.LoginSucceeded, audit.TokenMinted:
		if r.since.IsZero() {
			// The store also lacks grants that were swept before the backup.
			return admin.ReplayResult{}, nil
		}
	}
	return r.app.Admin.Replay(ctx, r.app.Operator(), e)
}

// applyKey compromises a key again, or reports the loss of a key that was
// created after the backup.
func (r *replay) applyKey(ctx context.Context, e audit.Event) (admin.ReplayResult, error) {
	if r.app.Keys == nil {
		if err := r.app.OpenKeys(ctx); err != nil {
			return admin.ReplayResult{}, err
		}
	}
	rows := r.app.Keys.Rows()
	i := slices.IndexFunc(rows, func(row keys.Row) bool { return row.Key == e.Key })
	created := e.Name == audit.KeyCreated
	switch {
	case i < 0 && created && !r.since.IsZero():
		return admin.ReplayResult{Lost: "the key: tokens that it signed and refresh tokens under it are rejected"}, nil
	case i < 0, created, rows[i].State == keys.Compromised, rows[i].State == keys.Destroyed:
		return admin.ReplayResult{}, nil
	}
	return admin.ReplayResult{Changed: 1}, r.app.Keys.Operator().Compromise(ctx, r.app.Operator(), e.Key)
}

// print writes the result as text.
func (r *replay) print(w io.Writer) {
	rows := table{{"TIME", "EVENT", "TARGET", "CHANGED", "LOST"}}
	for _, e := range r.Reported {
		lost := e.Lost
		if e.Error != "" {
			lost = "failed: " + e.Error
		}
		rows = append(rows, []string{formatTime(e.Time), e.Event, e.Target, fmt.Sprint(e.Changed), lost})
	}
	if len(r.Reported) > 0 {
		rows.print(w)
	}
	if r.LostLogins > 0 {
		fmt.Fprintf(w, "%d logins are lost: the users must log in again\n", r.LostLogins)
	}
	for _, fault := range r.Faults {
		fmt.Fprintf(w, "skipped: %s\n", fault)
	}
	fmt.Fprintf(w, "%d events, %d changes\n", r.Events, r.Changed)
}

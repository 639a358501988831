package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/keys"
)

// replayHelp is said by `signet grants revoke --help`.
const replayHelp = `Revoke all grants of a user, or one of them.

With --replay, do again what a store lost that was restored from a backup. The file is the log that the servers wrote to
stderr, wherever it was shipped to (- is standard input); other lines may stand among the events. Grants that were revoked,
users and clients that were disabled, enabled or deleted, and keys that were compromised become so again; what is lost for
good is told. Events that are not lost change nothing, so that the whole log may be given and the command run twice. With
--since, the time of the backup, earlier events are left out, and logins that are lost are counted. Run it before the servers
are started on the restored store, or at least before signet keys --accept-restore.`

// A replayedLine is one event of which there is something to tell.
type replayedLine struct {
	Time    time.Time `json:"time"`
	Event   string    `json:"event"`
	Target  string    `json:"target"`
	Changed int       `json:"changed"`
	Lost    string    `json:"lost,omitempty"`
	Error   string    `json:"error,omitempty"`
}

// A replay is what `signet grants revoke --replay` does and prints.
type replay struct {
	house *house
	since time.Time

	Events     int            `json:"events"`
	Changed    int            `json:"changed"`
	Told       []replayedLine `json:"told"`
	LostLogins int            `json:"lost_logins"`
	Faults     []string       `json:"faults,omitempty"`
	failed     bool
}

// replay reads an audit log and does it again.
func (p *program) replay(ctx context.Context, path, since string) error {
	r := &replay{Told: []replayedLine{}}
	if since != "" {
		var err error
		if r.since, err = time.Parse(time.RFC3339, since); err != nil {
			return usageError("--since wants a time such as 2026-01-31T23:59:59Z")
		}
	}
	events, err := p.readAuditFile(path, r)
	if err != nil {
		return err
	}
	if r.house, err = p.openStore(ctx); err != nil {
		return err
	}
	defer r.house.close()
	for _, e := range events {
		r.one(ctx, e)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if err := p.show(r, r.print); err != nil {
		return err
	}
	if len(r.Faults) > 0 || r.failed {
		return errors.New("not all of the log could be replayed; what could be is done")
	}
	return nil
}

// readAuditFile returns the events that count.
func (p *program) readAuditFile(path string, r *replay) ([]audit.Event, error) {
	in := io.Reader(p.in)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	events, faults, err := audit.Read(in)
	r.Faults = faults
	events = slices.DeleteFunc(events, func(e audit.Event) bool {
		refused := e.Failed && e.Name != audit.RefreshReused // that one is the refusal, and the end of the grant
		return refused || !r.since.IsZero() && e.Time.Before(r.since)
	})
	return admin.LastWords(events), about("read "+path, err)
}

// one does one event again.
func (r *replay) one(ctx context.Context, e audit.Event) {
	r.Events++
	done, err := r.do(ctx, e)
	r.Changed += done.Changed
	login := e.Name == audit.LoginSucceeded || e.Name == audit.TokenMinted
	line := replayedLine{Time: e.Time, Event: e.Name, Target: e.Target(), Changed: done.Changed, Lost: done.Lost}
	switch {
	case err != nil:
		line.Error, r.failed = explain(err), true
	case login && done.Lost != "":
		r.LostLogins++
		return
	case done == admin.Replayed{}:
		return
	}
	r.Told = append(r.Told, line)
}

func (r *replay) do(ctx context.Context, e audit.Event) (admin.Replayed, error) {
	switch e.Name {
	case keys.EventKeyCompromised, keys.EventKeyCreated:
		return r.key(ctx, e)
	case audit.LoginSucceeded, audit.TokenMinted:
		if r.since.IsZero() {
			return admin.Replayed{}, nil // a grant that ended long ago is gone too
		}
	}
	return r.house.admin.Replay(ctx, r.house.operator(), e)
}

// key compromises a key again, or tells that one is lost that was made after the backup.
func (r *replay) key(ctx context.Context, e audit.Event) (admin.Replayed, error) {
	if r.house.keys == nil {
		if err := r.house.openKeys(ctx, true); err != nil {
			return admin.Replayed{}, err
		}
	}
	rows := r.house.keys.Rows()
	i := slices.IndexFunc(rows, func(row keys.Row) bool { return row.Key == e.Key })
	switch {
	case i < 0 && e.Name == keys.EventKeyCreated && !r.since.IsZero():
		return admin.Replayed{Lost: "the key: what it signed, and refresh tokens made under it, are refused"}, nil
	case i < 0, e.Name == keys.EventKeyCreated, rows[i].State == keys.Compromised, rows[i].State == keys.Destroyed:
		return admin.Replayed{}, nil
	}
	return admin.Replayed{Changed: 1}, r.house.keys.Operator().Compromise(ctx, keys.Actor(r.house.operator()), e.Key)
}

func (r *replay) print(w io.Writer) {
	lines := table{{"TIME", "EVENT", "TARGET", "CHANGED", "LOST"}}
	for _, l := range r.Told {
		lost := l.Lost
		if l.Error != "" {
			lost = "failed: " + l.Error
		}
		lines = append(lines, []string{when(l.Time), l.Event, l.Target, fmt.Sprint(l.Changed), lost})
	}
	if len(r.Told) > 0 {
		lines.print(w)
	}
	if r.LostLogins > 0 {
		fmt.Fprintf(w, "%d logins are lost: their users log in again\n", r.LostLogins)
	}
	for _, fault := range r.Faults {
		fmt.Fprintf(w, "left out: %s\n", fault)
	}
	fmt.Fprintf(w, "%d events, %d changes\n", r.Events, r.Changed)
}

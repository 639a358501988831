package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// A Plan is what must be changed so that the store has the records of a file.
type Plan struct {
	directory client.Directory
	changes   client.Changes
	// Steps describes the changes: first those of audiences, then those of
	// clients, then the deletions.
	Steps []Step
	// Unlisted is how many records the store has and the file has not, and
	// which stay.
	Unlisted int
	// Warnings are about secret files.
	Warnings []string
	// pending are the secrets that Make makes.
	pending []pendingSecret
}

// A pendingSecret is a secret that must be made for a client.
type pendingSecret struct {
	rec  *record[client.Client]
	next *client.Client
	at   time.Time
	// step is the index of the client's step.
	step int
}

// Options are the options of Compare.
type Options struct {
	// Admin checks the records.
	Admin *admin.Admin
	// Prune deletes the records that the file does not have. It concerns only
	// lists that the file has.
	Prune bool
	// Now is the time of the changes.
	Now time.Time
}

// Compare returns the changes of the directory d that the file demands. The
// error has all faults of the file and of its records, one per line.
func (f *File) Compare(d client.Directory, o Options) (*Plan, error) {
	o.Now = o.Now.UTC().Truncate(time.Microsecond) // as stores have it
	c := &comparison{File: f, Options: o, plan: &Plan{directory: d, changes: client.Changes{Version: d.Version}}}
	storedAudiences, storedClients := index(audiences, d.Audiences), index(clients, d.Clients)
	for _, rec := range f.audiences {
		c.compareAudience(rec, storedAudiences[rec.value.ID])
	}
	for _, rec := range f.clients {
		c.compareClient(rec, storedClients[rec.value.ID])
	}
	p := c.plan
	p.changes.Clients = append(p.changes.Clients, unlisted(c, clients, f.clients, d.Clients)...)
	p.changes.Audiences = append(p.changes.Audiences, unlisted(c, audiences, f.audiences, d.Audiences)...)
	after := p.changes.Apply(d)
	c.exists, c.checkClient = index(audiences, after.Audiences), o.Admin.ClientCheck(after)
	for _, check := range c.checks {
		check()
	}
	if err := f.faults(c.faults...); err != nil {
		return nil, err
	}
	return p, nil
}

// A comparison is a call of Compare.
type comparison struct {
	*File
	Options
	plan   *Plan
	faults []fault
	// checks check the records when the directory after the changes is known.
	// exists and checkClient are of that directory.
	checks      []func()
	exists      map[string]*client.Audience
	checkClient func(client.Client) error
}

func (c *comparison) fault(line int, step Step, text string) {
	c.faults = append(c.faults, fault{line, fmt.Sprintf("%s %s: %s", step.Kind, step.ID, text)})
}

// index returns the records by their ids.
func index[T client.Client | client.Audience](k kind[T], records []T) map[string]*T {
	byID := make(map[string]*T, len(records))
	for i := range records {
		byID[k.id(records[i])] = &records[i]
	}
	return byID
}

// disabledAt returns when a record was disabled: now, unless it already was.
func (c *comparison) disabledAt(disabled bool, before time.Time) time.Time {
	switch {
	case !disabled:
		return time.Time{}
	case !before.IsZero():
		return before
	}
	return c.Now
}

func (c *comparison) compareAudience(rec *record[client.Audience], old *client.Audience) {
	step, before, next := Step{Action: Create, Kind: audiences.name, ID: rec.value.ID}, client.Audience{}, rec.value
	if next.Algorithm == "" {
		next.Algorithm = keys.RS256
	}
	next.CreatedAt = c.Now
	if old != nil {
		step.Action, before = Update, *old
		next.CreatedAt, next.PreviousAlgorithm = old.CreatedAt, old.PreviousAlgorithm
		if next.Algorithm != old.Algorithm {
			next.PreviousAlgorithm = old.Algorithm
		}
	}
	next.DisabledAt = c.disabledAt(rec.disabled, before.DisabledAt)
	step.Fields = changedFields(audiences, before, next)
	if old != nil && len(step.Fields) == 0 {
		next = *old
	} else {
		change := client.Change[client.Audience]{Old: old, New: &next}
		c.plan.changes.Audiences = append(c.plan.changes.Audiences, change)
		c.plan.Steps = append(c.plan.Steps, step)
	}
	if !rec.faulty {
		c.checks = append(c.checks, func() {
			c.reject(rec.line, step, c.Admin.CheckAudience(next))
		})
	}
}

func (c *comparison) compareClient(rec *record[client.Client], old *client.Client) {
	step, before, next := Step{Action: Create, Kind: clients.name, ID: rec.value.ID}, client.Client{}, rec.value
	next.CreatedAt = c.Now
	if old != nil {
		step.Action, before = Update, *old
		next.CreatedAt, next.Secrets = old.CreatedAt, old.Secrets
	}
	next.DisabledAt = c.disabledAt(rec.disabled, before.DisabledAt)
	step.Fields = changedFields(clients, before, next)
	secret := c.addSecret(rec, old, &next, &step)
	if old != nil && len(step.Fields) == 0 && !secret {
		next = *old
	} else {
		change := client.Change[client.Client]{Old: old, New: &next}
		c.plan.changes.Clients = append(c.plan.changes.Clients, change)
		c.plan.Steps = append(c.plan.Steps, step)
	}
	c.checks = append(c.checks, func() {
		if missing := c.missingAudiences(next); len(missing) > 0 {
			c.fault(rec.line, step,
				"The audience "+strings.Join(missing, ", ")+" is not in the file and does not exist.")
			return
		}
		if rec.faulty {
			return
		}
		if old != nil {
			c.reject(rec.line, step, admin.CheckFixed(*old, next))
		}
		c.reject(rec.line, step, c.checkClient(next))
	})
}

// missingAudiences returns the audiences of a client that do not exist.
func (c *comparison) missingAudiences(x client.Client) []string {
	missing := slices.Concat(x.Audiences, x.IntrospectAudiences)
	return slices.DeleteFunc(missing, func(id string) bool { return c.exists[id] != nil })
}

// reject adds the fault of a record, unless err is nil.
func (c *comparison) reject(line int, step Step, err error) {
	if err != nil {
		c.fault(line, step, oauth.AsError(err).Sentence)
	}
}

// unlisted returns the deletions of the records that the file does not have. It
// returns none without Prune, or if the file does not have that list.
func unlisted[T client.Client | client.Audience](
	c *comparison, k kind[T], listed []*record[T], stored []T,
) []client.Change[T] {
	if listed == nil {
		return nil
	}
	inFile := make(map[string]bool, len(listed))
	for _, rec := range listed {
		inFile[k.id(rec.value)] = true
	}
	var deletions []client.Change[T]
	for i := range stored {
		id := k.id(stored[i])
		switch {
		case inFile[id]:
		case !c.Prune:
			c.plan.Unlisted++
		default:
			deletions = append(deletions, client.Change[T]{Old: &stored[i]})
			c.plan.Steps = append(c.plan.Steps, Step{Action: Delete, Kind: k.name, ID: id})
		}
	}
	return deletions
}

// Make makes the changes, all or none. It returns client.ErrRaced if the
// directory has been changed since; then Compare and Make can be called again.
// made is whether the changes were made: if only an audit event could not be
// written, they were.
func (p *Plan) Make(ctx context.Context, a *admin.Admin, by audit.Actor) (made bool, err error) {
	if err := p.makeSecrets(); err != nil {
		return false, err
	}
	return a.ChangeDirectory(ctx, by, p.directory, p.changes)
}

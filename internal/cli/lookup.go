package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/app"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// A lookup reads the completions of a prefix from the store.
type lookup func(ctx context.Context, a *app.App, prefix string) ([]cobra.Completion, error)

// maxCompletions is the maximum number of users, grants and verifiers that a
// completion has. There may be millions.
const maxCompletions = 100

// completion returns a value with a description, which may be empty.
func completion(value, description string) cobra.Completion {
	if description == "" {
		return value
	}
	return cobra.CompletionWithDesc(value, printable(description))
}

// lookUpClients returns the ids of clients, with their names.
func lookUpClients(ctx context.Context, a *app.App, prefix string) (found []cobra.Completion, err error) {
	d, err := a.Store.Directory(ctx)
	for _, c := range d.Clients {
		if strings.HasPrefix(c.ID, prefix) {
			found = append(found, completion(c.ID, c.Name))
		}
	}
	return found, err
}

// lookUpAudiences returns the ids of audiences, with their algorithms.
func lookUpAudiences(ctx context.Context, a *app.App, prefix string) (found []cobra.Completion, err error) {
	d, err := a.Store.Directory(ctx)
	for _, audience := range d.Audiences {
		if strings.HasPrefix(audience.ID, prefix) {
			found = append(found, completion(audience.ID, audience.Algorithm))
		}
	}
	return found, err
}

// lookUpUsers returns the first names that begin with the prefix. The store
// sorts the names, so these names follow the prefix.
func lookUpUsers(ctx context.Context, a *app.App, prefix string) ([]cobra.Completion, error) {
	var users []login.User
	if prefix != "" {
		exact, err := a.Store.User(ctx, prefix)
		switch {
		case err == nil:
			users = append(users, exact)
		case !errors.Is(err, oauth.NotFound):
			return nil, err
		}
	}
	rest, err := a.Store.Users(ctx, prefix, maxCompletions)

	var found []cobra.Completion
	for _, u := range append(users, rest...) {
		if strings.HasPrefix(u.Username, prefix) {
			found = append(found, completion(u.Username, u.ID))
		}
	}
	return found, err
}

// lookUpGrants returns the newest live grants of the user that --user of the
// command names, with their clients and devices.
func lookUpGrants(c *cobra.Command) lookup {
	return func(ctx context.Context, a *app.App, prefix string) ([]cobra.Completion, error) {
		name, err := login.CanonicalUsername(c.Flag("user").Value.String())
		if err != nil {
			return nil, err
		}
		user, err := a.Store.User(ctx, name)
		if err != nil {
			return nil, err
		}
		page, err := a.Store.Grants(ctx, grant.Filter{Subject: user.ID, NotEndedAt: time.Now(), Limit: maxCompletions})

		var found []cobra.Completion
		for _, g := range page.Grants {
			if id := g.ID.String(); strings.HasPrefix(id, prefix) {
				found = append(found, completion(id, strings.TrimSpace(g.ClientID+" "+g.DeviceLabel)))
			}
		}
		return found, err
	}
}

// lookUpVerifiers returns the names of verifiers.
func lookUpVerifiers(ctx context.Context, a *app.App, prefix string) (found []cobra.Completion, err error) {
	last := ""
	page, err := a.Store.Verifiers(ctx, "", "", maxCompletions)
	for _, v := range page {
		if v.Name != last && strings.HasPrefix(v.Name, prefix) {
			found = append(found, v.Name)
		}
		last = v.Name
	}
	return found, err
}

// lookUpKeys returns a lookup of the ids of keys that wanted accepts, with
// their algorithms and the dates from which they sign. It needs no KEK.
func lookUpKeys(wanted func(keys.Key) bool) lookup {
	return func(ctx context.Context, a *app.App, prefix string) (found []cobra.Completion, err error) {
		ring, err := a.Store.Ring(ctx)
		for _, k := range ring.Keys {
			if strings.HasPrefix(k.ID, prefix) && wanted(k) {
				found = append(found, completion(k.ID, k.Algorithm+", "+keyState(k)))
			}
		}
		return found, err
	}
}

// keyState describes a key.
func keyState(k keys.Key) string {
	switch {
	case !k.CompromisedAt.IsZero():
		return "compromised"
	case !k.DestroyedAt.IsZero():
		return "destroyed"
	case k.ActivateAt.IsZero():
		return "spare"
	case k.ActivateAt.After(time.Now()):
		return "signs from " + formatTime(k.ActivateAt)
	}
	return "created " + formatTime(k.CreatedAt)
}

func isAny(keys.Key) bool       { return true }
func isUsable(k keys.Key) bool  { return k.DestroyedAt.IsZero() && k.CompromisedAt.IsZero() }
func isPlanned(k keys.Key) bool { return isUsable(k) && k.ActivateAt.After(time.Now()) }

// isPublished reports whether a key may be in the JWK Set.
func isPublished(k keys.Key) bool { return isUsable(k) && k.Public != nil }

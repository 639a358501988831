package admin

import (
	"context"
	"slices"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
)

// A LogFilter selects entries of the revocation log by what they concern. The
// zero LogFilter selects all entries. Otherwise exactly one field is set, or
// both Subject and Client.
type LogFilter struct {
	// Subject and Client select the entries about the tokens with this sub and
	// this client_id claim. If both are set, they select the entries about the
	// subject at this client.
	Subject, Client string
	// Audience selects the entries about the tokens for an audience.
	Audience string
	// Grant, Token and Key select the entries about a sid and a jti claim and
	// about a kid.
	Grant, Token, Key string
	// All selects the entries about all tokens of the issuer.
	All bool
}

// Log returns the entries that the filter selects, out of those of LogPage from
// that number on. next is the number from which the log continues. It is 0 if
// there are no more entries.
func (a *Revocations) Log(
	ctx context.Context, f LogFilter, from int64, limit int,
) (entries []grant.LoggedRevocation, next int64, err error) {
	hashes, err := f.hashes(a.issuer)
	if err != nil {
		return nil, 0, err
	}
	page, err := a.store.Revocations(ctx, from, limit)
	if err != nil {
		return nil, 0, oauth.FromStore(err)
	}
	if len(page.Entries) == limit {
		next = page.Entries[limit-1].Seq + 1
	}
	entries = page.Entries
	if hashes != nil {
		entries = slices.DeleteFunc(entries, func(e grant.LoggedRevocation) bool {
			return !slices.Contains(hashes, e.Entry.Hash)
		})
	}
	return entries, next, nil
}

// hashes returns the hashes of the entries that the filter selects, or nil for
// all entries.
func (f LogFilter) hashes(issuer string) ([]revocation.Hash, error) {
	var hashes []revocation.Hash
	selections := 0
	add := func(selected bool, about ...revocation.Hash) {
		if selected {
			selections++
			hashes = append(hashes, about...)
		}
	}
	atClient := f.Subject != "" && f.Client != ""
	add(atClient, revocation.HashSubjectAtClient(f.Subject, f.Client))
	add(f.Subject != "" && !atClient, revocation.Subject.Hash(f.Subject))
	add(f.Client != "" && !atClient, revocation.Client.Hash(f.Client))
	add(f.Audience != "", revocation.Audience.Hash(f.Audience))
	add(f.Grant != "", revocation.Grant.Hash(f.Grant), revocation.Exempt.Hash(f.Grant))
	add(f.Token != "", revocation.Token.Hash(f.Token))
	add(f.Key != "", revocation.Key.Hash(f.Key))
	add(f.All, revocation.All.Hash(issuer))
	if selections > 1 {
		return nil, oauth.Fail(oauth.InvalidRequest, "A filter has one value, or a subject and a client.")
	}
	return hashes, nil
}

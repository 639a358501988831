package admin

import (
	"context"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
)

// CompromiseSecrets replaces all secrets of a confidential client by a new one,
// which it returns, and revokes the client's access tokens. Grants stay. If it
// fails, the first step may be done: a second call returns another secret.
//
// Another server may accept an earlier secret for less than grant.MintLag. The
// tokens of this time are revoked, also those that the client gets with its new
// secret.
func (a *Revocations) CompromiseSecrets(ctx context.Context, by audit.Actor, id string) (secret string, err error) {
	if secret, err = a.clients.rotateSecret(ctx, by, id, 0); err != nil {
		return "", err
	}
	entry := a.entry(RevokedTokens{Client: id})
	entry.Lag = grant.MintLag
	at, err := a.store.AddRevocations(ctx, []grant.Revocation{entry})
	e := audit.Event{Name: audit.RevocationAdded, Client: id, Moment: at.Add(entry.Lag)}
	if err := a.events.recordIfDone(ctx, by, e, err); err != nil {
		return "", err
	}
	return secret, nil
}

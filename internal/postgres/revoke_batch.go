package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signetd/signet/internal/batch"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
)

// Revocations of single grants share statements. There is one statement at a
// time, because all of them wait for the head of the log.

// A revokeRequest is the arguments of RevokeGrant.
type revokeRequest struct {
	id               oauth.GrantID
	clientID, reason string
	now              time.Time
}

// A revokeResult is the result of RevokeGrant.
type revokeResult struct {
	found, changed bool
	grant          grant.Grant
}

// maxRevocations is how many revocations share a statement at most.
const maxRevocations = 64

// boundRevocationWait ends a statement that waits for the lock of a grant that
// a foreign transaction holds, so that the other revocations continue. The head
// is never locked for that long.
const boundRevocationWait = `SELECT set_config('lock_timeout', '2s', true)`

// newRevokeBatcher returns the batcher of revocations. With alone, each
// revocation gets a statement of its own. The batcher calls sent with the
// number of revocations of each statement.
func (s *Store) newRevokeBatcher(
	alone bool, sent func(int),
) *batch.Batcher[oauth.GrantID, revokeRequest, revokeResult] {
	o := batch.Options[oauth.GrantID, revokeRequest, revokeResult]{
		Run: s.revokeShared, Key: func(r revokeRequest) oauth.GrantID { return r.id },
		MaxInProgress: s.conns.revocations.size(), MaxSize: maxRevocations, MaxRunTime: s.timeout,
		WaitForResult: true, OnDispatch: sent,
	}
	if alone {
		o.MaxSize = 1
	}
	return batch.New(o)
}

// revoke revokes a grant, perhaps together with others. If their transaction is
// rolled back, it revokes the grant in a transaction of its own, and again
// while another transaction holds a lock. If ctx ends before the statement was
// sent, it never runs. If it was sent, revoke waits for its result.
func (s *Store) revoke(ctx context.Context, r revokeRequest) (revokeResult, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()

	result, err := s.revocations.Do(ctx, r)
	for errors.Is(err, errRolledBack) || isLocked(err) {
		q, results := revocationQueries([]revokeRequest{r}, s.keep)
		err = s.transact(ctx, s.conns.retries, beginDurable, func(ctx context.Context, tx transaction) error {
			return tx.Send(ctx, q)
		})
		if err == nil {
			result, err = results[0].Value, results[0].Err
		}
	}
	return result, err
}

// revokeShared revokes the grants of a batch: all or none.
func (s *Store) revokeShared(requests []revokeRequest) []batch.Result[revokeResult] {
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()

	q, results := revocationQueries(requests, s.keep)
	err := s.conns.revocations.send(ctx, q)
	if rolledBack(err) {
		err = fmt.Errorf("%w: %w", errRolledBack, err)
	}
	if err != nil {
		return batch.SameError[revokeResult](len(requests), err)
	}
	return results
}

// revocationQueries returns the statements that revoke grants, and the results
// that they will have.
func revocationQueries(
	requests []revokeRequest, keep time.Duration,
) (*queries, []batch.Result[revokeResult]) {
	n := len(requests)
	ids, clients, reasons := make([][16]byte, n), make([]string, n), make([]string, n)
	times, hashes := make([]time.Time, n), make([][]byte, n)
	for i, r := range requests {
		ids[i], clients[i], reasons[i] = r.id, r.clientID, r.reason
		times[i], hashes[i] = r.now, hashColumn(grant.RevokedGrant(r.id).Hash)
	}

	results := make([]batch.Result[revokeResult], n)
	q := &queries{}
	q.Queue(boundRevocationWait)
	q.Queue(commitDurably)
	q.Queue(revokeEach, ids, clients, reasons, times, hashes, revocation.NewMark(), keep).
		Query(func(rows pgx.Rows) error { return readRevocations(rows, requests, results) })
	return q, results
}

// revokeEach revokes the grants that are not revoked yet, and writes an entry
// into the log for each of them. It returns each grant as it was. It locks the
// rows by id and decides by the locked rows.
var revokeEach = withLog(`WITH locked AS MATERIALIZED (
		SELECT a.ord, a.act_reason, a.act_at, a.hash, g.*
		FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::bytea[])
			WITH ORDINALITY AS a (grant_id, presenter, act_reason, act_at, hash, ord)
			JOIN grants g ON g.id = a.grant_id AND a.presenter IN ('', g.client_id)
		ORDER BY g.id FOR NO KEY UPDATE OF g
	), found AS MATERIALIZED (
		SELECT g.ord, g.act_reason, g.act_at, g.hash, `+readColumns+` FROM locked g`+withEndings+`
	), ended AS (
		UPDATE grants g SET revoked_at = act_at, revoke_reason = act_reason FROM found f
		WHERE g.id = f.id AND f.revoked_at IS NULL RETURNING f.ord, f.hash
	), `+logEnded+`
	SELECT ord, ended.ord IS NOT NULL, `+grantColumns+` FROM found LEFT JOIN ended USING (ord)`, `$6`, `$7`)

// readRevocations reads the rows of revokeEach. A row that cannot be decoded
// fails only its own revocation.
func readRevocations(rows pgx.Rows, requests []revokeRequest, results []batch.Result[revokeResult]) error {
	var ord int64
	var row revokeResult
	fields := append([]any{&ord, &row.changed}, grantFields(&row.grant)...)
	first := append([]any{&ord, &row.changed}, make([]any, len(fields)-2)...) // nil skips a column
	for rows.Next() {
		if err := scanCurrent(rows, first); err != nil {
			return err
		}
		row.found, row.grant = true, grant.Grant{} // JSON is decoded into an existing map.
		result := &results[ord-1]
		result.Err = scanCurrent(rows, fields)
		if r := requests[ord-1]; row.changed {
			row.grant.RevokedAt, row.grant.RevokeReason = r.now.UTC().Truncate(time.Microsecond), r.reason
		}
		result.Value = row
	}
	return rows.Err()
}

package postgres

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/batch"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

const (
	// maxUnsharedRefreshes is how many refreshes run at the same time before
	// they share a statement. Up to about that number, a statement of its own
	// is as fast for a refresh as a shared one.
	maxUnsharedRefreshes = 12
	// maxRefreshStatements is how many shared statements run at the same time.
	maxRefreshStatements = 2
	// maxRefreshes is how many refreshes share a statement at most.
	maxRefreshes = 256
)

// newRefreshBatcher returns the batcher of refreshes. A batch has at most one
// attempt for each grant. With alone, each refresh gets a statement of its own.
// The batcher calls sent with the number of refreshes of each statement.
func (s *Store) newRefreshBatcher(
	alone bool, sent func(int),
) *batch.Batcher[oauth.GrantID, grant.RefreshAttempt, grant.RefreshResult] {
	conns := s.conns.refreshes.size()
	o := batch.Options[oauth.GrantID, grant.RefreshAttempt, grant.RefreshResult]{
		Run: s.refreshAll, Key: func(a grant.RefreshAttempt) oauth.GrantID { return a.Grant },
		MaxInProgress: maxRefreshStatements, MaxSize: maxRefreshes,
		MaxUnbatched: min(maxUnsharedRefreshes, conns), OnDispatch: sent,
		MaxRunTime: batchTimeout,
	}
	if alone {
		o.MaxInProgress, o.MaxSize, o.MaxUnbatched = conns, 1, 0
	}
	return batch.New(o)
}

// RefreshGrant decides a refresh attempt by the row of its grant. Concurrent
// attempts share statements.
//
// What it writes is as durable as the role's synchronous_commit. If a crash
// loses a rotation, the client's token is ahead of the row, and the next
// refresh takes over its generation.
func (s *Store) RefreshGrant(ctx context.Context, a grant.RefreshAttempt) (grant.RefreshResult, error) {
	result, err := s.refreshes.Do(ctx, a)
	return result, wrap("refresh grant", err)
}

// attemptArrays has the attempts as rows. Its parameters are arrays with one
// element for each attempt, as attemptArrayArgs returns them. attemptValues has
// the same columns for one attempt, whose parameters are plain values. With
// arrays, Postgres plans the statement on each execution, which takes three
// times as long as running it. The audiences are the text of an array, since
// Postgres has no arrays of arrays of different lengths. idle_at is the time
// that the idle lifetime is compared with.
const (
	attemptArrays = `unnest(` + arrays + `) WITH ORDINALITY AS a (` + arrayNames + `, ord)`
	arrays        = `$1::uuid[], $2::text[], $3::bigint[], $4::bytea[], $5::text[], $6::timestamptz[], $7::timestamptz[],
		$8::text[], $9::timestamptz[], $10::interval[], $11::interval[]`
	arrayNames = `grant_id, attempt_client, attempt_generation, attempt_key_hash, attempt_mac_key, received_at, deadline,
		audiences, idle_at, leeway, retry_window`
	attemptValues = `(SELECT $1::uuid AS grant_id, $2::text AS attempt_client, $3::bigint AS attempt_generation,
		$4::bytea AS attempt_key_hash, $5::text AS attempt_mac_key, $6::timestamptz AS received_at, $7::timestamptz AS deadline,
		$8::text AS audiences, $9::timestamptz AS idle_at, 1::bigint AS ord) a`
)

// rotateOne rotates a grant if the attempt has its current token and the grant
// is usable. This is the usual case. rotateMany does the same for several
// attempts.
//
// An UPDATE locks rows in the order of its plan, so two of them could wait for
// each other. rotateMany therefore first locks the rows by id, as every
// statement does that locks several grants.
const (
	rotateOne  = rotate + attemptValues + ifCurrent + returnRotated
	rotateMany = `WITH locked AS MATERIALIZED (
		SELECT a.* FROM ` + attemptArrays + ` JOIN grants g ON g.id = a.grant_id ORDER BY g.id FOR NO KEY UPDATE OF g
	) ` + rotate + `locked a` + ifCurrent + returnRotated

	rotate = `UPDATE grants g
	SET generation = g.generation + 1, key_hash = a.attempt_key_hash, mac_key = a.attempt_mac_key,
		moved_at = greatest(g.moved_at, a.received_at), repeated_at = NULL FROM `
	ifCurrent = `
	WHERE g.id = a.grant_id AND g.generation = a.attempt_generation AND g.client_id = a.attempt_client
		AND g.revoked_at IS NULL AND (g.audience IS NULL OR g.audience <@ a.audiences::text[]) AND` + notEnded + `
		AND g.expires_at > a.received_at AND g.moved_at + g.idle_lifetime * interval '1 second' > a.idle_at
		AND a.deadline > clock_timestamp()`
	returnRotated = ` RETURNING ord, ` + rotatedColumns

	// rotatedColumns are the columns of a rotated grant whose values do not
	// follow from the attempt.
	rotatedColumns = `user_id, moved_at, idle_lifetime, expires_at, scope, audience, auth_time, amr, device_label, ip, created_at, claims`
)

// rotatedFields returns the fields of a grant in the order of rotatedColumns.
func rotatedFields(g *grant.Grant) []any {
	return []any{
		&g.UserID,
		at(&g.RotatedAt),
		(*inSeconds)(&g.IdleLifetime),
		at(&g.ExpiresAt),
		(*spaceSeparated)(&g.Scope),
		&g.Audience,
		at(&g.AuthTime),
		&g.AMR,
		&g.DeviceLabel, &g.IP,
		at(&g.CreatedAt),
		optionalClaims{&g.Claims},
	}
}

// decideAttempts decides the attempts that rotateOne or rotateMany did not
// rotate. The first outcome that applies decides. docs/protocol.md has the
// table of outcomes, and package grant has their names. The statement locks the
// rows by id, too, and decides by the locked rows, not by its snapshot. It
// returns no row for a grant that does not exist. The 10 seconds are
// grant.PromptRetry.
//
// Its CTE ended revokes a grant itself, because the decision and the
// revocation are one statement: a second one would cost another round trip, and
// a crash between the two would lose the revocation. The sender makes the
// statement durable. Its last CTEs write the revocations into the log. For them
// it has one more array, the hashes of the grants, and two more parameters, a
// mark and Options.RevocationKeep.
var decideAttempts = withLog(`WITH locked AS MATERIALIZED (
		SELECT a.*, g.* FROM unnest(`+arrays+`, $12::bytea[]) WITH ORDINALITY AS a (`+arrayNames+`, hash, ord) JOIN grants g ON g.id = a.grant_id
		ORDER BY g.id FOR NO KEY UPDATE OF g
	), decided AS MATERIALIZED (
		SELECT g.ord, g.hash, g.attempt_generation, g.attempt_key_hash, g.attempt_mac_key, g.received_at, `+currentColumns+`,
		attempt_generation = generation - 1 AND received_at - moved_at > greatest(leeway, interval '10 seconds')
			AND repeated_at IS NULL AS late_retry, CASE
			WHEN attempt_client <> client_id THEN '`+query(grant.OtherClient)+`'
			WHEN revoked_at IS NOT NULL OR r.at IS NOT NULL THEN '`+query(grant.Revoked)+`'
			WHEN s.at IS NOT NULL THEN '`+query(grant.Suspended)+`'
			WHEN expires_at <= received_at OR moved_at + idle_lifetime * interval '1 second' <= idle_at AND NOT `+restored+`
				THEN '`+query(grant.Expired)+`'
			WHEN deadline <= clock_timestamp() THEN '`+query(grant.Late)+`'
			WHEN attempt_generation >= generation AND NOT (audience IS NULL OR audience <@ audiences::text[])
				THEN '`+query(grant.Unchecked)+`'
			WHEN attempt_generation = generation THEN '`+query(grant.Rotated)+`'
			WHEN attempt_generation > generation THEN '`+query(grant.Ahead)+`'
			WHEN attempt_generation = generation - 1 AND attempt_key_hash = key_hash AND received_at - moved_at <= retry_window
				THEN '`+query(grant.Retried)+`'
			WHEN attempt_generation = generation - 1 AND leeway > interval '0' AND received_at - moved_at <= leeway
				THEN '`+query(grant.WithinLeeway)+`'
			ELSE '`+query(grant.Reused)+`' END AS outcome
		FROM locked g`+withEndings+`
	), rotated AS (
		UPDATE grants g
		SET generation = attempt_generation + 1, key_hash = attempt_key_hash, mac_key = attempt_mac_key,
			moved_at = greatest(g.moved_at, received_at), repeated_at = NULL
		FROM decided d WHERE g.id = d.id AND outcome IN ('`+query(grant.Rotated)+`', '`+query(grant.Ahead)+`')
		RETURNING d.ord, d.outcome, FALSE AS late_retry, `+storedColumns+`
	), ended AS (
		UPDATE grants g SET revoked_at = received_at, revoke_reason = '`+audit.RevokedByReuse+`'
		FROM decided d WHERE g.id = d.id AND outcome = '`+query(grant.Reused)+`'
		RETURNING d.ord, d.hash, d.outcome, FALSE AS late_retry, `+storedColumns+`
	), repeated AS (
		UPDATE grants g SET repeated_at = received_at
		FROM decided d WHERE g.id = d.id AND outcome = '`+query(grant.Retried)+`' AND late_retry
	), `+logEnded+`
	SELECT ord, outcome, late_retry, `+grantColumns+` FROM rotated
	UNION ALL SELECT ord, outcome, late_retry, `+grantColumns+` FROM ended
	UNION ALL SELECT ord, outcome, late_retry AND outcome = '`+query(grant.Retried)+`', `+grantColumns+` FROM decided
		WHERE outcome NOT IN ('`+query(grant.Rotated)+`', '`+query(grant.Ahead)+`', '`+query(grant.Reused)+`')`, `$13`, `$14`)

// restored is true if the token is newer than the row because the store was
// restored from a backup, less than an idle lifetime ago. The row then does not
// show when the grant was last used.
const restored = `(attempt_generation > generation AND
	idle_at < (SELECT restored_at FROM versions WHERE name = 'ring') + idle_lifetime * interval '1 second') IS TRUE`

// attemptValueArgs returns the arguments of attemptValues.
func attemptValueArgs(a grant.RefreshAttempt) []any {
	return []any{
		[16]byte(a.Grant), a.ClientID, int64(a.Generation), a.KeyHash.Bytes(), a.MACKey, a.ReceivedAt, a.Deadline,
		arrayText(a.Audience), idleAt(a),
	}
}

// idleAt returns the time that the idle lifetime is compared with: when the
// request came to the server.
func idleAt(a grant.RefreshAttempt) time.Time { return a.ReceivedAt.Add(-a.Waited) }

// attemptArrayArgs returns the arguments of attemptArrays for the attempts that
// indexes selects.
func attemptArrayArgs(attempts []grant.RefreshAttempt, indexes []int) []any {
	n := len(indexes)
	grants, clients, generations := make([][16]byte, n), make([]string, n), make([]int64, n)
	keyHashes, macKeys, audiences := make([][]byte, n), make([]string, n), make([]string, n)
	received, deadlines, idleAts := make([]time.Time, n), make([]time.Time, n), make([]time.Time, n)
	leeways, windows := make([]time.Duration, n), make([]time.Duration, n)
	for i, index := range indexes {
		a := attempts[index]
		grants[i], clients[i], generations[i] = a.Grant, a.ClientID, int64(a.Generation)
		keyHashes[i], macKeys[i], audiences[i] = a.KeyHash.Bytes(), a.MACKey, arrayText(a.Audience)
		received[i], deadlines[i], idleAts[i] = a.ReceivedAt, a.Deadline, idleAt(a)
		leeways[i], windows[i] = a.Leeway, a.RetryWindow
	}
	return []any{
		grants, clients, generations, keyHashes, macKeys, received, deadlines, audiences, idleAts, leeways, windows,
	}
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signetd/signet/internal/batch"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// batchTimeout bounds the statements of one batch. The deadlines of its members do not: each of them is a column.
const batchTimeout = time.Second

// singleTries is how often a member that runs singly is tried.
const singleTries = 3

// Up to refreshCrowd refreshes have a statement each, since a statement of its own is as fast as a shared one until about so many
// are there. A larger crowd shares refreshFlights statements of at most refreshSize tokens.
const (
	refreshFlights = 2
	refreshSize    = 256
	refreshCrowd   = 12
)

func (s *Store) newRefreshes(o Options) *batch.Batcher[oauth.GrantID, grant.RefreshAttempt, grant.RefreshResult] {
	b := batch.Options[oauth.GrantID, grant.RefreshAttempt, grant.RefreshResult]{
		Run: s.refreshAll, Key: func(p grant.RefreshAttempt) oauth.GrantID { return p.Grant },
		Flights: refreshFlights, Size: refreshSize, Crowd: min(refreshCrowd, int(s.pool.Config().MaxConns)), Sent: o.SentRefreshes,
		Bound: batchTimeout,
	}
	if o.Alone {
		b.Flights, b.Size, b.Crowd = int(s.pool.Config().MaxConns), 1, 0
	}
	return batch.New(b)
}

// presented names the arrays that the statements take, one element per presented token. presentedOne has the same names for
// one token that is no array: what an array holds makes Postgres plan the statement each time, which takes three times as long
// as to run it.
const (
	presented = `unnest($1::uuid[], $2::text[], $3::bigint[], $4::bytea[], $5::text[], $6::timestamptz[], $7::timestamptz[],
		$8::interval[]) WITH ORDINALITY AS p (grant_id, presenter, presented, hash, mac, arrived, deadline, leeway, ord)`
	presentedOne = `(SELECT $1::uuid AS grant_id, $2::text AS presenter, $3::bigint AS presented, $4::bytea AS hash, $5::text AS mac,
		$6::timestamptz AS arrived, $7::timestamptz AS deadline, 1::bigint AS ord) p`
)

// move moves the grants whose current token was presented and that nothing speaks against.
const (
	move = `UPDATE grants g
	SET generation = g.generation + 1, key_hash = p.hash, mac_key = p.mac, moved_at = greatest(g.moved_at, p.arrived) FROM `
	movable = `
	WHERE g.id = p.grant_id AND g.generation = p.presented AND g.client_id = p.presenter
		AND g.revoked_at IS NULL AND g.suspended_at IS NULL
		AND g.expires_at > p.arrived AND g.moved_at + g.idle_lifetime * interval '1 second' > p.arrived
		AND p.deadline > clock_timestamp()`
	moved = ` RETURNING ord, ` + movedColumns
)

// movedColumns are those of a grant that has moved which do not follow from what was presented.
const movedColumns = `user_id, moved_at, idle_lifetime, expires_at, scope, audience, auth_time, amr, device_label, ip, created_at, claims`

// fastOne tries to move one grant, fastMany more than one. An UPDATE locks in whatever order its plan has, so that two of
// them could wait for each other: fastMany first locks the rows by id, as everything does that locks more than one.
const (
	fastOne  = move + presentedOne + movable + moved
	fastMany = `WITH locked AS MATERIALIZED (
		SELECT p.* FROM ` + presented + ` JOIN grants g ON g.id = p.grant_id ORDER BY g.id FOR NO KEY UPDATE OF g
	) ` + move + `locked p` + movable + moved
)

// classify decides whatever the fast statement left. It too locks the rows by id, and it judges what it has locked, never
// what its snapshot shows. Rows that do not exist are not returned.
const classify = `WITH locked AS MATERIALIZED (
		SELECT p.*, g.* FROM ` + presented + ` JOIN grants g ON g.id = p.grant_id
		ORDER BY g.id FOR NO KEY UPDATE OF g
	), judged AS MATERIALIZED (
		SELECT locked.*, CASE
			WHEN presenter <> client_id THEN 'other_client'
			WHEN revoked_at IS NOT NULL THEN 'revoked'
			WHEN suspended_at IS NOT NULL THEN 'suspended'
			WHEN expires_at <= arrived OR moved_at + idle_lifetime * interval '1 second' <= arrived THEN 'expired'
			WHEN deadline <= clock_timestamp() THEN 'late'
			WHEN presented = generation THEN 'moved'
			WHEN presented > generation THEN 'ahead'
			WHEN presented = generation - 1 AND hash = key_hash THEN 'repeated'
			WHEN presented = generation - 1 AND leeway > interval '0' AND arrived - moved_at <= leeway THEN 'second_tab'
			ELSE 'reused' END AS outcome
		FROM locked
	), moved AS (
		UPDATE grants g
		SET generation = presented + 1, key_hash = hash, mac_key = mac, moved_at = greatest(g.moved_at, arrived)
		FROM judged j WHERE g.id = j.id AND outcome IN ('moved', 'ahead')
		RETURNING j.ord, j.outcome, g.*
	), reused AS (
		UPDATE grants g SET revoked_at = arrived, revoke_reason = 'reuse'
		FROM judged j WHERE g.id = j.id AND outcome = 'reused'
		RETURNING j.ord, j.outcome, g.*
	)
	SELECT ord, outcome, ` + grantColumns + ` FROM moved
	UNION ALL SELECT ord, outcome, ` + grantColumns + ` FROM reused
	UNION ALL SELECT ord, outcome, ` + grantColumns + ` FROM judged WHERE outcome NOT IN ('moved', 'ahead', 'reused')`

// RefreshGrant decides one presented refresh token by its grant's row, together with those that wait at the same moment.
func (s *Store) RefreshGrant(ctx context.Context, p grant.RefreshAttempt) (grant.RefreshResult, error) {
	return s.refreshes.Do(ctx, p)
}

// RefreshGrants decides each presented refresh token by its own grant's row and answers in the order given. What it writes
// is as durable as the role's synchronous_commit has it: the Ahead row mends what is lost.
func (s *Store) RefreshGrants(_ context.Context, presented []grant.RefreshAttempt) ([]grant.RefreshResult, error) {
	seen, verdicts := make(map[oauth.GrantID]bool, len(presented)), make([]grant.RefreshResult, len(presented))
	for _, p := range presented {
		if seen[p.Grant] {
			return nil, fmt.Errorf("refresh grants: a batch holds grant %s twice", p.Grant)
		}
		seen[p.Grant] = true
	}
	for i, a := range s.refreshAll(presented) {
		if a.Err != nil {
			return nil, a.Err
		}
		verdicts[i] = a.Value
	}
	return verdicts, nil
}

// refreshAll decides the members of a batch, and singly if the statements were undone because of one of them.
func (s *Store) refreshAll(presented []grant.RefreshAttempt) []batch.Answer[grant.RefreshResult] {
	answers := make([]batch.Answer[grant.RefreshResult], len(presented))
	err := s.refresh(presented, answers)
	for i := range presented {
		one := err
		if undone(err) && answers[i].Value.Outcome == "" {
			one = s.refreshSingly(presented[i:i+1], answers[i:i+1])
		}
		if answers[i].Value.Outcome == "" {
			answers[i].Err = fmt.Errorf("refresh grants: %w", one)
		}
	}
	return answers
}

// refresh decides the members of a batch that have no verdict yet. Those that it leaves without one are for its error.
func (s *Store) refresh(presented []grant.RefreshAttempt, answers []batch.Answer[grant.RefreshResult]) error {
	ctx, cancel := context.WithTimeout(context.Background(), batchTimeout)
	defer cancel()
	if err := s.moveAll(ctx, presented, answers); err != nil {
		return err
	}
	if err := s.classifyAll(ctx, presented, answers); err != nil {
		return err
	}
	for i := range answers {
		if answers[i].Value.Outcome == "" {
			answers[i].Value.Outcome = grant.Missing
		}
	}
	return nil
}

// refreshSingly decides one member, as often as it may help.
func (s *Store) refreshSingly(presented []grant.RefreshAttempt, answer []batch.Answer[grant.RefreshResult]) error {
	err := s.refresh(presented, answer)
	for tries := 1; undone(err) && tries < singleTries; tries++ {
		err = s.refresh(presented, answer)
	}
	return err
}

// undone says whether err means that the statement was rolled back because of its company: a serialization failure, a
// deadlock, or a value that the database does not take.
func undone(err error) bool {
	if err == nil {
		return false
	}
	var failed *pgconn.PgError
	return errors.As(err, &failed) &&
		(failed.Code == "40001" || failed.Code == "40P01" || strings.HasPrefix(failed.Code, "22"))
}

// A ruling is about those members of a batch that have no verdict yet, and says how the rows of a statement about them are read:
// after the member's ordinal comes what is read into fields, of which verdict makes the member's. It leaves nothing in them: claims
// are added to those that are there.
type ruling struct {
	presented []grant.RefreshAttempt
	answers   []batch.Answer[grant.RefreshResult]
	members   []int
	fields    []any
	verdict   func(grant.RefreshAttempt) grant.RefreshResult
}

func undecided(presented []grant.RefreshAttempt, answers []batch.Answer[grant.RefreshResult]) ruling {
	r := ruling{presented: presented, answers: answers, members: make([]int, 0, len(presented))}
	for i, a := range answers {
		if a.Value.Outcome == "" {
			r.members = append(r.members, i)
		}
	}
	return r
}

// moveAll moves whom nothing speaks against.
func (s *Store) moveAll(ctx context.Context, presented []grant.RefreshAttempt, answers []batch.Answer[grant.RefreshResult]) error {
	r := undecided(presented, answers)
	var g grant.Grant
	r.fields = []any{
		&g.UserID, at(&g.RotatedAt), (*seconds)(&g.IdleLifetime), at(&g.ExpiresAt), (*words)(&g.Scope), &g.Audience,
		at(&g.AuthTime), &g.AMR, &g.DeviceLabel, &g.IP, at(&g.CreatedAt),
		ifAny{&g.Claims},
	}
	r.verdict = func(p grant.RefreshAttempt) grant.RefreshResult {
		moved := g
		g = grant.Grant{}
		moved.ID, moved.ClientID, moved.Generation, moved.KeyHash, moved.MACKey = p.Grant, p.ClientID, p.Generation+1, p.KeyHash, p.MACKey
		return grant.RefreshResult{Outcome: grant.Rotated, Grant: moved}
	}
	if len(r.members) == 1 {
		return s.decide(ctx, fastOne, plain(presented[r.members[0]]), r)
	}
	return s.decide(ctx, fastMany, arrays(presented, r.members), r)
}

// classifyAll decides whatever is left, but for those whose grant does not exist.
func (s *Store) classifyAll(ctx context.Context, presented []grant.RefreshAttempt, answers []batch.Answer[grant.RefreshResult]) error {
	r := undecided(presented, answers)
	if len(r.members) == 0 {
		return nil
	}
	var v grant.RefreshResult
	r.fields = append([]any{&v.Outcome}, grantFields(&v.Grant)...)
	r.verdict = func(grant.RefreshAttempt) grant.RefreshResult {
		found := v
		v = grant.RefreshResult{}
		return found
	}
	return s.decide(ctx, classify, arrays(presented, r.members), r)
}

// decide runs the statement of a ruling. The verdicts stay if it is known to have succeeded.
func (s *Store) decide(ctx context.Context, statement string, args []any, r ruling) error {
	rows, err := s.pool.Query(ctx, statement, args...)
	if err != nil {
		return err
	}
	var ord int64
	_, err = pgx.ForEachRow(rows, append([]any{&ord}, r.fields...), func() error {
		member := r.members[ord-1]
		r.answers[member].Value = r.verdict(r.presented[member])
		return nil
	})
	if err != nil {
		for _, member := range r.members {
			r.answers[member].Value = grant.RefreshResult{}
		}
	}
	return err
}

// arrays returns the arguments of a statement for some members of a batch.
func arrays(presented []grant.RefreshAttempt, members []int) []any {
	n := len(members)
	grants, clients, generations := make([][16]byte, n), make([]string, n), make([]int64, n)
	hashes, macKeys := make([][]byte, n), make([]string, n)
	arrived, deadlines, leeways := make([]time.Time, n), make([]time.Time, n), make([]time.Duration, n)
	for i, member := range members {
		p := presented[member]
		grants[i], clients[i], generations[i] = p.Grant, p.ClientID, int64(p.Generation)
		hashes[i], macKeys[i] = p.KeyHash, p.MACKey
		arrived[i], deadlines[i], leeways[i] = p.ReceivedAt, p.Deadline, p.Leeway
	}
	return []any{grants, clients, generations, hashes, macKeys, arrived, deadlines, leeways}
}

// plain returns the arguments of a statement for one member.
func plain(p grant.RefreshAttempt) []any {
	return []any{[16]byte(p.Grant), p.ClientID, int64(p.Generation), p.KeyHash, p.MACKey, p.ReceivedAt, p.Deadline}
}

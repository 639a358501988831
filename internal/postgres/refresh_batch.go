package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signetd/signet/internal/batch"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/revocation"
)

// singleTries is how often the statements of one attempt run at most.
const singleTries = 3

// A refreshBatch is attempts that share statements, and their answers. An
// attempt is undecided while its answer has no outcome.
type refreshBatch struct {
	attempts []grant.RefreshAttempt
	answers  []batch.Result[grant.RefreshResult]
}

// undecided returns the indexes of the undecided attempts.
func (b refreshBatch) undecided() []int {
	indexes := make([]int, 0, len(b.attempts))
	for i := range b.attempts {
		if !b.decided(i) {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// decided reports whether an attempt has an outcome.
func (b refreshBatch) decided(i int) bool { return b.answers[i].Value.Outcome != "" }

// single returns the batch of one attempt.
func (b refreshBatch) single(i int) refreshBatch {
	return refreshBatch{b.attempts[i : i+1], b.answers[i : i+1]}
}

// refreshAll decides all attempts of a batch. If a statement was rolled back
// because of one of them, it decides the rest one by one. No two attempts are
// for the same grant.
func (s *Store) refreshAll(attempts []grant.RefreshAttempt) []batch.Result[grant.RefreshResult] {
	b := refreshBatch{attempts, make([]batch.Result[grant.RefreshResult], len(attempts))}
	batchErr := s.decide(b)
	if refusedWrite(batchErr) {
		batchErr = s.decide(b) // on a new connection
	}
	for _, i := range b.undecided() {
		err := batchErr
		if retryable(batchErr) {
			err = s.decideSingle(b.single(i))
		}
		if !b.decided(i) {
			b.answers[i].Err = err
		}
	}
	return b.answers
}

// decideSingle decides a batch of one attempt. It tries again while that may
// help.
func (s *Store) decideSingle(b refreshBatch) error {
	err := s.decide(b)
	for tries := 1; retryable(err) && tries < singleTries; tries++ {
		err = s.decide(b)
	}
	return err
}

// decide decides the undecided attempts of a batch. The attempts that are still
// undecided afterwards have failed with its error.
//
// Its context is its own: an attempt whose caller stops waiting does not end
// the statement of the others. The deadlines of the attempts are columns of the
// statement.
func (s *Store) decide(b refreshBatch) error {
	ctx, cancel := context.WithTimeout(context.Background(), batchTimeout)
	defer cancel()

	if err := s.rotateCurrent(ctx, b); err != nil {
		return err
	}
	if err := s.decideOthers(ctx, b); err != nil {
		return err
	}
	for _, i := range b.undecided() {
		b.answers[i].Value.Outcome = grant.Missing
	}
	return nil
}

// retryable reports whether err means that the statement was rolled back
// because of another attempt or transaction: a serialization failure, a
// deadlock, or a value that Postgres rejects (class 22, data exception).
func retryable(err error) bool {
	var failed *pgconn.PgError
	return errors.As(err, &failed) &&
		(failed.Code == "40001" || failed.Code == "40P01" || strings.HasPrefix(failed.Code, "22"))
}

// rotateCurrent decides the attempts that have the current token of a usable
// grant.
func (s *Store) rotateCurrent(ctx context.Context, b refreshBatch) error {
	var g grant.Grant
	q := resultQuery{fields: rotatedFields(&g), result: func(a grant.RefreshAttempt) grant.RefreshResult {
		rotated := g
		g = grant.Grant{} // JSON is decoded into an existing map: the next row must not inherit these claims.
		rotated.ID, rotated.ClientID, rotated.Generation = a.Grant, a.ClientID, a.Generation+1
		rotated.KeyHash, rotated.MACKey = a.KeyHash, a.MACKey
		return grant.RefreshResult{Outcome: grant.Rotated, Grant: rotated}
	}}

	indexes := b.undecided()
	if len(indexes) == 1 {
		q.statement, q.args = rotateOne, attemptValueArgs(b.attempts[indexes[0]])
	} else {
		q.statement, q.args = rotateMany, attemptArrayArgs(b.attempts, indexes)
	}
	return s.queryResults(ctx, q, b, indexes)
}

// decideOthers decides the other attempts, except those whose grant does not
// exist.
func (s *Store) decideOthers(ctx context.Context, b refreshBatch) error {
	indexes := b.undecided()
	if len(indexes) == 0 {
		return nil
	}

	var row grant.RefreshResult
	args := attemptArrayArgs(b.attempts, indexes)
	args = append(args, grantHashes(b.attempts, indexes), revocation.NewMark(), s.keep)
	q := resultQuery{statement: decideAttempts, args: args}
	q.fields = append([]any{&row.Outcome, &row.LateRetry}, grantFields(&row.Grant)...)
	q.result = func(grant.RefreshAttempt) grant.RefreshResult {
		decided := row
		row = grant.RefreshResult{} // The next row must not inherit these claims.
		return decided
	}

	// The statement may revoke a grant, which must be durable.
	batch := &queries{}
	batch.Queue(commitDurably)
	batch.Queue(q.statement, q.args...).Query(func(rows pgx.Rows) error { return q.read(rows, b, indexes) })
	err := s.conns.refreshes.Send(ctx, batch)
	if err != nil {
		forget(b, indexes)
	}
	return err
}

// grantHashes returns the hashes of the entries about the grants of the
// attempts that indexes selects.
func grantHashes(attempts []grant.RefreshAttempt, indexes []int) [][]byte {
	hashes := make([][]byte, len(indexes))
	for i, index := range indexes {
		hashes[i] = hashColumn(grant.RevokedGrant(attempts[index].Grant).Hash)
	}
	return hashes
}

// A resultQuery is a statement about attempts. A row has the ordinal number of
// its attempt, and then the columns of fields. result returns the result of the
// attempt from the fields.
type resultQuery struct {
	statement query
	args      []any
	fields    []any
	result    func(grant.RefreshAttempt) grant.RefreshResult
}

// queryResults sets the results of the attempts that indexes selects. If the
// statement fails, they stay undecided.
func (s *Store) queryResults(ctx context.Context, q resultQuery, b refreshBatch, indexes []int) error {
	rows, err := s.conns.refreshes.Query(ctx, q.statement, q.args...)
	if err != nil {
		return err
	}
	return q.read(rows, b, indexes)
}

// read reads the rows of the statement.
func (q resultQuery) read(rows pgx.Rows, b refreshBatch, indexes []int) error {
	var ord int64
	_, err := pgx.ForEachRow(rows, append([]any{&ord}, q.fields...), func() error {
		i := indexes[ord-1]
		b.answers[i].Value = q.result(b.attempts[i])
		return nil
	})
	if err != nil {
		forget(b, indexes)
	}
	return err
}

// forget makes the attempts that indexes selects undecided.
func forget(b refreshBatch, indexes []int) {
	for _, i := range indexes {
		b.answers[i].Value = grant.RefreshResult{}
	}
}

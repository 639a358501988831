package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signetd/signet/internal/batch"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

const (
	defaultConnectTimeout   = 5 * time.Second
	defaultStatementTimeout = 5 * time.Second

	// byIndex lets the planner take an index as what it costs where pages are in memory. With the default, which is for disks that
	// turn, it reads the whole of a small table for every batch of refreshes, old versions of rows included.
	byIndex = `SET random_page_cost = 1.1`

	// beginDurable begins a transaction of its own.
	beginDurable = `BEGIN ISOLATION LEVEL READ COMMITTED; ` + durable
)

// Options are where the database is, and bounds.
type Options struct {
	// URL is a postgres:// URL as libpq and pgx have it. Through PgBouncer in transaction mode it needs the parameter
	// default_query_exec_mode=cache_describe.
	URL string
	// MaxConns is how many connections there are at most; zero means pgx's default.
	MaxConns int32
	// ConnectTimeout bounds the making of a connection, StatementTimeout each call of a method but Migrate, the wait for a
	// connection included; zero means five seconds.
	ConnectTimeout   time.Duration
	StatementTimeout time.Duration
	// Alone gives every refresh a statement, and every other write a transaction of its own. Otherwise refreshes that wait at
	// the same moment share a statement; and logins, counted guesses and ends of one grant share a transaction.
	Alone bool
	// SentRefreshes is told how many refreshes each statement holds, SentWrites how many of the other writes each
	// transaction; nil means that nobody is told.
	SentRefreshes, SentWrites func(size int)
}

// A Store is a pool of connections to one database. It keeps the promises of keys.Store, issuer.Store and admin.Store.
type Store struct {
	pool      *pgxpool.Pool
	timeout   time.Duration
	refreshes *batch.Batcher[oauth.GrantID, grant.RefreshAttempt, grant.RefreshResult]
	writes    *batch.Batcher[struct{}, *writing, struct{}]
}

// Open makes the pool and one connection. The schema is left as it is: see Migrate and CheckSchema.
func Open(ctx context.Context, o Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("read the URL of the database: %w", err)
	}
	switch config.ConnConfig.DefaultQueryExecMode {
	case pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe:
	default:
		return nil, errors.New("default_query_exec_mode is cache_statement, the default, or cache_describe, which PgBouncer needs")
	}
	config.ConnConfig.ConnectTimeout = orDefault(o.ConnectTimeout, defaultConnectTimeout)
	if o.MaxConns > 0 {
		config.MaxConns = o.MaxConns
	}
	// Old connections are replaced one by one, not all at once.
	config.MaxConnLifetimeJitter = max(config.MaxConnLifetimeJitter, config.MaxConnLifetime/5)
	// Through a pooler a setting would stay with the server's connection, whoever has it next.
	_, decided := config.ConnConfig.RuntimeParams["random_page_cost"]
	own := config.ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement && !decided
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		conn.TypeMap().RegisterType(&pgtype.Type{
			Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
		})
		if !own {
			return nil
		}
		_, err := conn.Exec(ctx, byIndex)
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	s := &Store{pool: pool, timeout: orDefault(o.StatementTimeout, defaultStatementTimeout)}
	s.refreshes, s.writes = s.newRefreshes(o), s.newWrites(o)
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return s, nil
}

func orDefault(d, usual time.Duration) time.Duration {
	if d <= 0 {
		return usual
	}
	return d
}

// Close waits for the calls that still run and ends all connections.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}

// write runs change in one transaction that is durable when write returns.
func (s *Store) write(ctx context.Context, change func(context.Context, pgx.Tx) error) error {
	return s.transact(ctx, pgx.TxOptions{BeginQuery: beginDurable}, change)
}

// read runs look in a transaction that sees the database as of one moment.
func (s *Store) read(ctx context.Context, look func(context.Context, pgx.Tx) error) error {
	return s.transact(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, look)
}

// transact hands work the context that bounds the whole transaction.
func (s *Store) transact(ctx context.Context, o pgx.TxOptions, work func(context.Context, pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return pgx.BeginTxFunc(ctx, s.pool, o, func(tx pgx.Tx) error { return work(ctx, tx) })
}

// row reads the one row of a query.
func (s *Store) row(ctx context.Context, fields []any, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.pool.QueryRow(ctx, query, args...).Scan(fields...)
}

// rows reads all rows of a query. fields returns where the columns of a row go.
func rows[T any](ctx context.Context, s *Store, fields func(*T) []any, query string, args ...any) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return collect(ctx, s.pool, fields, query, args...)
}

// querier is what the pool and a transaction have in common.
type querier interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}

func collect[T any](ctx context.Context, db querier, fields func(*T) []any, query string, args ...any) ([]T, error) {
	found, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, scanTo(fields))
}

// scanTo returns what reads one row into a value.
func scanTo[T any](fields func(*T) []any) pgx.RowToFunc[T] {
	return func(row pgx.CollectableRow) (T, error) {
		var one T
		return one, row.Scan(fields(&one)...)
	}
}

// knowledge turns the absence of a row into oauth.NotFound and leaves every other error as it is.
func knowledge(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return oauth.NotFound
	}
	return err
}

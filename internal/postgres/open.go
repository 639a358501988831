package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signetd/signet/internal/batch"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/pgurl"
)

const (
	defaultConnectTimeout   = 2 * time.Second
	defaultStatementTimeout = 5 * time.Second
	defaultRevocationKeep   = 24 * time.Hour
)

// preferIndex are the settings that make the planner use indexes.
var preferIndex = map[string]query{
	// This is the cost of an index where pages are in memory. The default is
	// for rotating disks. With it the planner reads the whole of a small table
	// for every batch of refreshes, old row versions included.
	"random_page_cost": `SET random_page_cost = 1.1`,
	// Postgres reuses the plan of a statement until the next ANALYZE. A plan of
	// an empty table would read the whole table after it has grown.
	"enable_seqscan": `SET enable_seqscan = off`,
	// For the planner, a table that it must read as a whole now costs so much
	// that Postgres would compile the statement.
	"jit": `SET jit = off`,
}

// Options configures a Store.
type Options struct {
	// URL is a postgres:// URL as libpq and pgx read it. Through PgBouncer in
	// transaction mode it needs the parameter
	// default_query_exec_mode=cache_describe.
	URL string
	// MaxConns is how many connections there are at most. Zero means the
	// default of pgx. Polls and refreshes have connections of their own.
	MaxConns int32
	// ConnectTimeout bounds the opening of a connection to one host, unless the
	// URL has the parameter connect_timeout. Zero means two seconds.
	ConnectTimeout time.Duration
	// StatementTimeout bounds each call of a method except Migrate, including
	// the wait for a connection. Zero means five seconds.
	StatementTimeout time.Duration
	// RevocationKeep is how long the entries of the revocation log are kept
	// after their moment, see grant.RevocationKeep. Zero means 24 hours.
	RevocationKeep time.Duration
	// NoBatching gives every refresh and read a statement of its own, and
	// every other write a transaction of its own. Otherwise concurrent
	// refreshes share a statement. So do concurrent reads of grants and of
	// users by their ids. Concurrent logins and login attempts share a
	// transaction, and so do revocations of single grants.
	NoBatching bool
	// OnRefreshBatch is called with the number of refreshes of each statement.
	// nil means no call.
	OnRefreshBatch func(size int)
	// OnReadBatch is called with the number of reads of each statement that
	// reads grants or users by their ids. nil means no call.
	OnReadBatch func(size int)
	// OnWriteBatch is called with the number of other writes of each
	// transaction. nil means no call.
	OnWriteBatch func(size int)
}

// A Store has the connections to one database. It implements client.Store,
// login.Store, grant.Store, grant.SweepStore, grant.EndingStore,
// grant.LogStore, grant.VerifierStore, admin.Store and keys.Store.
type Store struct {
	// db is the database for calls of no kind, such as migrations.
	db        database
	pools     pools
	conns     quotas
	waits     *waits
	timeout   time.Duration
	keep      time.Duration // Options.RevocationKeep
	refreshes *batch.Batcher[oauth.GrantID, grant.RefreshAttempt, grant.RefreshResult]
	writes    *batch.Batcher[struct{}, *writeRequest, struct{}]
	// revocations revokes single grants.
	revocations *batch.Batcher[oauth.GrantID, revokeRequest, revokeResult]
	grants      rowReader[oauth.GrantID, grant.Grant]
	users       rowReader[string, login.User]
}

// Open creates the pools and opens one connection. It does not change the
// schema, see Migrate and CheckSchema.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{
		waits: &waits{}, timeout: orDefault(o.StatementTimeout, defaultStatementTimeout),
		keep: orDefault(o.RevocationKeep, defaultRevocationKeep),
	}
	config, err := poolConfig(o)
	if err != nil {
		return nil, err
	}
	leaveReadOnly(&config.ConnConfig.Config, func() { s.pools.reset() })
	if s.pools, err = openPools(ctx, config); err != nil {
		s.pools.close()
		return nil, openError(err)
	}
	s.db, s.conns = database{s.pools.others}, newQuotas(s.pools, o.NoBatching, s.waits)
	s.refreshes = s.newRefreshBatcher(o.NoBatching, o.OnRefreshBatch)
	s.writes = s.newWriteBatcher(o.NoBatching, o.OnWriteBatch)
	s.revocations = s.newRevokeBatcher(o.NoBatching, o.OnWriteBatch)
	s.grants, s.users = s.newGrantReader(), s.newUserReader()
	s.grants.start(o.NoBatching, o.OnReadBatch)
	s.users.start(o.NoBatching, o.OnReadBatch)

	if err := s.connect(ctx); err != nil {
		s.pools.close()
		return nil, openError(err)
	}
	return s, nil
}

// connect opens one connection. Each host of the URL has its own time for that.
func (s *Store) connect(ctx context.Context) error {
	conn, err := s.db.pool.Acquire(ctx)
	if err == nil {
		conn.Release()
	}
	return err
}

// poolConfig returns the configuration of all pools together.
func poolConfig(o Options) (*pgxpool.Config, error) {
	config, err := pgurl.Parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("parse database URL: %w", err)
	}
	timeout := orDefault(config.ConnConfig.ConnectTimeout, orDefault(o.ConnectTimeout, defaultConnectTimeout))
	config.ConnConfig.ConnectTimeout = timeout
	config.ConnConfig.LookupFunc = boundLookup(config.ConnConfig.LookupFunc, timeout)
	config.ConnConfig.ValidateConnect = requireWritable
	boundCleanup(config, timeout)
	if o.MaxConns > 0 {
		config.MaxConns = o.MaxConns
	}
	// The pool replaces old connections one by one, not all at once.
	config.MaxConnLifetimeJitter = max(config.MaxConnLifetimeJitter, config.MaxConnLifetime/5)

	// Through a pooler a setting would stay on the server's connection when
	// another client gets it. The URL may have its own settings.
	pooled := config.ConnConfig.DefaultQueryExecMode != pgx.QueryExecModeCacheStatement
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		conn.TypeMap().RegisterType(&pgtype.Type{
			Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
		})
		for name, set := range preferIndex {
			if _, inURL := config.ConnConfig.RuntimeParams[name]; pooled || inURL {
				continue
			}
			if err := configure(ctx, conn, set); err != nil {
				return err
			}
		}
		return nil
	}
	return config, nil
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

// Close waits for the calls that still run and closes all connections.
func (s *Store) Close() error {
	s.pools.close()
	return nil
}

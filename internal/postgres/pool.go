package postgres

import "time"

// Pool has figures about the pool of connections of a Store.
type Pool struct {
	// Max is how many connections there are at most.
	Max int
	// Acquired is how many connections are in use now.
	Acquired int
	// Idle is how many connections are open and free now.
	Idle int
	// Acquires is how often a connection was acquired.
	Acquires int64
	// Waits is how often a caller had to wait for a connection.
	Waits int64
	// Waited is how long all callers waited in total.
	Waited time.Duration
}

// Pool returns the current figures. It sends nothing to the database.
func (s *Store) Pool() Pool {
	stat := s.db.pool.Stat()
	return Pool{
		Max: int(stat.MaxConns()), Acquired: int(stat.AcquiredConns()), Idle: int(stat.IdleConns()),
		Acquires: stat.AcquireCount(), Waits: stat.EmptyAcquireCount(), Waited: stat.EmptyAcquireWaitTime(),
	}
}

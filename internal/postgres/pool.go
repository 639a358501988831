package postgres

import "time"

// Pool has figures about the connections of a Store.
type Pool struct {
	// Max is how many connections there are at most.
	Max int
	// Acquired is how many connections are in use now.
	Acquired int
	// Idle is how many connections are open and free now.
	Idle int
	// Acquires is how often a connection was acquired.
	Acquires int64
	// Waits is how often a caller had to wait for a connection, or until its
	// kind of call might use another one.
	Waits int64
	// Waited is how long all callers waited in total.
	Waited time.Duration
}

// Pool returns the current figures. It sends nothing to the database.
func (s *Store) Pool() Pool {
	p := Pool{Waits: s.waits.number.Load(), Waited: time.Duration(s.waits.nanoseconds.Load())}
	for _, pool := range s.pools.all() {
		stat := pool.Stat()
		p.Max += int(stat.MaxConns())
		p.Acquired += int(stat.AcquiredConns())
		p.Idle += int(stat.IdleConns())
		p.Acquires += stat.AcquireCount()
		p.Waits += stat.EmptyAcquireCount()
		p.Waited += stat.EmptyAcquireWaitTime()
	}
	return p
}

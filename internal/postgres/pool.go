package postgres

import "time"

// Pool is how the connections of a Store are used.
type Pool struct {
	// Max is how many there may be, Acquired how many are in use now, Idle how many are open and free.
	Max, Acquired, Idle int
	// Acquires is how often one was taken, Waits how often one had to be waited for, Waited how long in all.
	Acquires, Waits int64
	Waited          time.Duration
}

// Pool returns how the connections are used now. It asks nobody.
func (s *Store) Pool() Pool {
	stat := s.pool.Stat()
	return Pool{
		Max: int(stat.MaxConns()), Acquired: int(stat.AcquiredConns()), Idle: int(stat.IdleConns()),
		Acquires: stat.AcquireCount(), Waits: stat.EmptyAcquireCount(), Waited: stat.EmptyAcquireWaitTime(),
	}
}

package app

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

const (
	// writeCheckPause is the time between the starts of two writes.
	writeCheckPause = time.Second
	// writeCheckAge is how long a committed write shows that the store accepts
	// writes. It is how long the key ring is fresh by default, too.
	writeCheckAge = 5 * time.Second
	// writeCheckWait is how long after the start of a write callers wait for
	// its result. Many probes give up after a second.
	writeCheckWait = 500 * time.Millisecond
)

var errSlowWrite = errors.New("the store does not commit a write in time")

// A writeCheck reports whether the store commits writes, which every refresh
// needs. It writes only when it is asked, and all callers share a write.
type writeCheck struct {
	write func(context.Context) error
	log   *slog.Logger

	mu        sync.Mutex
	started   time.Time // the start of the last write
	committed time.Time // the start of the last write that was committed
	err       error     // of the last write
	// running is closed when the write in progress ends. It is nil if there is
	// none.
	running chan struct{}
}

// Err returns nil if a write has been committed recently.
func (c *writeCheck) Err() error {
	ended, started := c.start()
	select {
	case <-ended:
	case <-time.After(time.Until(started.Add(writeCheckWait))):
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.committed) <= writeCheckAge {
		return nil
	}
	return cmp.Or(c.err, errSlowWrite)
}

// start starts a write, unless one runs or has just run. It returns a channel
// that is closed when the write has ended, and when the write started.
func (c *writeCheck) start() (ended <-chan struct{}, started time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running != nil {
		return c.running, c.started
	}

	running := make(chan struct{})
	if time.Since(c.started) < writeCheckPause {
		close(running)
		return running, c.started
	}
	c.started, c.running = time.Now(), running
	go c.run()
	return running, c.started
}

// run writes, and logs when the result is not that of the last write.
func (c *writeCheck) run() {
	err := c.write(context.Background())
	switch last := c.finish(err); {
	case err != nil && last == nil:
		c.log.Error("the store does not accept writes", "error", err)
	case err == nil && last != nil:
		c.log.Info("the store accepts writes again")
	}
}

// finish stores the result of a write and returns that of the last one.
func (c *writeCheck) finish(err error) (last error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last, c.err = c.err, err
	if err == nil {
		c.committed = c.started
	}
	close(c.running)
	c.running = nil
	return last
}

package verify

import (
	"context"
	"sync"
)

// tasks are the goroutines of a Verifier.
type tasks struct {
	ctx  context.Context // ends with close
	stop context.CancelFunc

	mu    sync.Mutex // guards against a start during close
	group sync.WaitGroup
}

func newTasks() *tasks {
	t := new(tasks)
	t.ctx, t.stop = context.WithCancel(context.Background())
	return t
}

// start calls f in a goroutine. It returns false after close.
func (t *tasks) start(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx.Err() != nil {
		return false
	}
	t.group.Go(f)
	return true
}

// close ends the context and waits for all tasks.
func (t *tasks) close() {
	t.mu.Lock()
	t.stop()
	t.mu.Unlock()
	t.group.Wait()
}

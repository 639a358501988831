package cpulimit

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"time"
)

// dutyPeriod is the time of one turn: the process runs, and then it is stopped.
const dutyPeriod = 10 * time.Millisecond

// startDutyCycle stops and continues a process in turns, until the caller calls
// stop. The process runs for that part of each period.
func startDutyCycle(pid int, part float64) (stop func(), err error) {
	if part >= 1 {
		return nil, errors.New("without a control group, the limit must be less than one CPU")
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return nil, err
	}

	runs := time.Duration(part * float64(dutyPeriod))
	stopped := make(chan struct{})
	var loop sync.WaitGroup
	loop.Go(func() {
		defer func() { _ = process.Signal(syscall.SIGCONT) }()
		for {
			for _, turn := range []struct {
				signal syscall.Signal
				time   time.Duration
			}{{syscall.SIGCONT, runs}, {syscall.SIGSTOP, dutyPeriod - runs}} {
				if process.Signal(turn.signal) != nil {
					return // The process has ended.
				}
				select {
				case <-time.After(turn.time):
				case <-stopped:
					return
				}
			}
		}
	})
	return sync.OnceFunc(func() { close(stopped); loop.Wait() }), nil
}

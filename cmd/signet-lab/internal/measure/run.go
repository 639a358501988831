package measure

import (
	"context"
	"fmt"

	"github.com/signetd/signet/cmd/signet-lab/internal/load"
	"github.com/signetd/signet/cmd/signet-lab/internal/operation"
)

// Run applies one load to a server and reports the result. It also reports the
// processor time of the processes.
func Run(
	ctx context.Context, s operation.Server, name string, p load.Profile, processes []Process,
) (Report, error) {
	c := s.Connect(p.Concurrency)
	defer c.Close()
	workers := make([]load.Worker, p.Concurrency)
	for i := range workers {
		var err error
		if workers[i], err = c.Worker(ctx, name); err != nil {
			return Report{}, fmt.Errorf("prepare %s: %w", name, err)
		}
	}

	before, err := ProcessTimes(processes)
	if err != nil {
		return Report{}, err
	}
	result := p.Run(ctx, workers)
	after, err := ProcessTimes(processes)
	if err != nil {
		return Report{}, err
	}

	if result.Operations == 0 {
		return Report{}, fmt.Errorf("%s: no operation succeeded: %s", name, result.FirstError)
	}
	return newReport(name, p, result, before, after), ctx.Err()
}

package baseline

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"

	"github.com/signetd/signet/cmd/signet-lab/internal/repository"
)

var (
	benchTime   = regexp.MustCompile(`([0-9.]+) ns/op`)
	benchAllocs = regexp.MustCompile(`([0-9]+) allocs/op`)
)

// GoBenchmark runs one Go benchmark of a package of Signet. It returns the
// nanoseconds and the allocations per operation.
func GoBenchmark(ctx context.Context, pkg, name string) (ns, allocs float64, err error) {
	root, err := repository.Root(ctx)
	if err != nil {
		return 0, 0, err
	}
	c := exec.CommandContext(ctx, "go", "-C", root, "test", "-run", "^$", "-bench", "^Benchmark"+name+"$", "-benchmem",
		"-benchtime", "1s", "./"+pkg)
	out, err := c.CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("go test -bench %s %s: %w\n%s", name, pkg, err, out)
	}

	if ns, err = parseFigure(benchTime, out); err == nil {
		allocs, err = parseFigure(benchAllocs, out)
	}
	return ns, allocs, err
}

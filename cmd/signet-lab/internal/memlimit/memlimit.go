package memlimit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// ErrNone is the error of a process that cannot create a control group.
var ErrNone = errors.New("no control group with a limit of memory")

// A Group is a control group with a limit of memory, below that of this
// process. Child processes and the page cache count too.
type Group struct {
	// Dir is the directory of the group. A process enters the group by writing
	// its id to the file cgroup.procs in it.
	Dir string

	peakFile string
}

// New creates a control group of version 1 or 2 (cgroups(7)) with that many
// bytes of memory.
func New(limit int64) (*Group, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	err = errors.New("no memory controller")
	for _, version := range []struct{ line, root, limit, peak string }{
		{
			`(?m)^[0-9]+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(.*)$`, "/sys/fs/cgroup/memory", "memory.limit_in_bytes",
			"memory.max_usage_in_bytes",
		},
		{`(?m)^0::(.*)$`, "/sys/fs/cgroup", "memory.max", "memory.peak"},
	} {
		own := regexp.MustCompile(version.line).FindSubmatch(text)
		if own == nil {
			continue
		}
		g := &Group{
			Dir:      filepath.Join(version.root, string(own[1]), fmt.Sprintf("signet-lab-%d", os.Getpid())),
			peakFile: version.peak,
		}
		if err = os.Mkdir(g.Dir, 0o755); err != nil {
			continue
		}
		if err = g.write(version.limit, limit); err == nil {
			return g, nil
		}
		g.Remove()
	}
	return nil, fmt.Errorf("%w: %w", ErrNone, err)
}

func (g *Group) write(file string, n int64) error {
	return os.WriteFile(filepath.Join(g.Dir, file), []byte(strconv.FormatInt(n, 10)), 0o644)
}

// Peak returns the largest use of memory since New, in bytes.
func (g *Group) Peak() (int64, error) {
	text, err := os.ReadFile(filepath.Join(g.Dir, g.peakFile))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

// Remove removes the group. All processes in it must have ended.
func (g *Group) Remove() { _ = os.Remove(g.Dir) }

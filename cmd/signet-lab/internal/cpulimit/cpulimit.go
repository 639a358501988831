package cpulimit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// period is the period of a control group's quota, as Kubernetes sets it.
const period = 100 * time.Millisecond

// A Limit is a limit of one process.
type Limit struct {
	// Method names what enforces the limit.
	Method string

	lift func()
}

// Lift removes the limit.
func (l *Limit) Lift() { l.lift() }

// Set limits a process to a number of CPUs, such as 0.5. A control group
// enforces the limit, as in a container. If this process cannot create a
// control group, Set stops and continues the process in turns, so that it runs
// for that part of the time. The number of CPUs must then be less than 1, and
// the caller must start the process with GOMAXPROCS=1.
func Set(pid int, cpus float64) (*Limit, error) {
	group, err := newControlGroup(cpus)
	if err == nil {
		if err = group.add(pid); err == nil {
			return &Limit{Method: group.version, lift: func() { group.remove(pid) }}, nil
		}
		group.remove(pid)
	}

	lift, dutyErr := startDutyCycle(pid, cpus)
	if dutyErr != nil {
		return nil, errors.Join(err, dutyErr)
	}
	return &Limit{Method: fmt.Sprintf("SIGSTOP and SIGCONT every %s (%v)", dutyPeriod, err), lift: lift}, nil
}

// ControlGroups reports whether Set can use a control group.
func ControlGroups() bool {
	g, err := newControlGroup(1)
	if err != nil {
		return false
	}
	return os.Remove(g.dir) == nil
}

// A controlGroup is a control group with a quota, below that of this process.
type controlGroup struct{ version, dir, parent string }

// newControlGroup creates a control group of version 1 or 2 (cgroups(7)).
func newControlGroup(cpus float64) (controlGroup, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return controlGroup{}, err
	}
	quota := strconv.FormatInt(int64(cpus*float64(period.Microseconds())), 10)
	periodText := strconv.FormatInt(period.Microseconds(), 10)
	for _, kind := range []struct {
		version, line, root string
		files               [][2]string
	}{
		{
			"cgroup v1", `(?m)^[0-9]+:(?:[^:\n]*,)?cpu(?:,[^:\n]*)?:(.*)$`, "/sys/fs/cgroup/cpu",
			[][2]string{{"cpu.cfs_period_us", periodText}, {"cpu.cfs_quota_us", quota}},
		},
		{"cgroup v2", `(?m)^0::(.*)$`, "/sys/fs/cgroup", [][2]string{{"cpu.max", quota + " " + periodText}}},
	} {
		own := regexp.MustCompile(kind.line).FindSubmatch(text)
		if own == nil {
			continue
		}
		parent := filepath.Join(kind.root, string(own[1]))
		g := controlGroup{kind.version, filepath.Join(parent, fmt.Sprintf("signet-lab-%d", os.Getpid())), parent}
		if err = g.create(kind.files); err == nil {
			return g, nil
		}
	}
	return controlGroup{}, fmt.Errorf("no control group: %w", err)
}

// create creates the directory of the group and writes its settings.
func (g controlGroup) create(files [][2]string) error {
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(g.dir, f[0]), []byte(f[1]), 0o644); err != nil {
			_ = os.Remove(g.dir)
			return err
		}
	}
	return nil
}

func (g controlGroup) add(pid int) error { return writePID(g.dir, pid) }

// remove moves the process back and removes the group.
func (g controlGroup) remove(pid int) {
	_ = writePID(g.parent, pid)
	_ = os.Remove(g.dir)
}

func writePID(dir string, pid int) error {
	return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644)
}

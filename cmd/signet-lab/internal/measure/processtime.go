package measure

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// clockTick is the unit of processor times in /proc (USER_HZ).
const clockTick = 10 * time.Millisecond

// A Process is a program whose processor time is measured, together with all
// of its descendants.
type Process struct {
	Name string // the column of the report
	PID  int
}

// ProcessTimes returns the processor time that each process has used so far.
func ProcessTimes(processes []Process) (map[string]time.Duration, error) {
	stats, err := readStats()
	if err != nil {
		return nil, err
	}
	times := make(map[string]time.Duration, len(processes))
	for _, p := range processes {
		if _, ok := stats[p.PID]; !ok {
			return nil, fmt.Errorf("%s: no process %d", p.Name, p.PID)
		}
		times[p.Name] = treeTime(stats, p.PID)
	}
	return times, nil
}

// A processStat is what the kernel reports about one process.
type processStat struct {
	parent int
	// time is the processor time of the process, and of its children that
	// have ended.
	time time.Duration
}

// treeTime returns the processor time of a process and all its descendants.
func treeTime(stats map[int]processStat, pid int) time.Duration {
	total := stats[pid].time
	for child, s := range stats {
		if s.parent == pid {
			total += treeTime(stats, child)
		}
	}
	return total
}

// readStats reads the statistics of all processes of this machine, by process
// ID.
func readStats() (map[int]processStat, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	stats := make(map[int]processStat, len(files))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the process has ended since Glob
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, err
		}
		stats[pid] = parseStat(text)
	}
	return stats, nil
}

// parseStat parses proc_pid_stat(5). The process name is in parentheses and can
// contain any character, so the fields count from the last parenthesis.
func parseStat(text []byte) processStat {
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	number := func(i int) int64 {
		n, _ := strconv.ParseInt(string(fields[i]), 10, 64)
		return n
	}

	const ppid, utime, stime, cutime, cstime = 1, 11, 12, 13, 14
	if len(fields) <= cstime {
		return processStat{}
	}
	ticks := number(utime) + number(stime) + number(cutime) + number(cstime)
	return processStat{parent: int(number(ppid)), time: time.Duration(ticks) * clockTick}
}

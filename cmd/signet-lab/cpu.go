package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// tick is the unit in which Linux counts processor time for everybody to read (USER_HZ).
const tick = 10 * time.Millisecond

// A process is a program whose processor time is measured, with all that it started.
type process struct {
	name string
	pid  int
}

// cpuTimes returns how much processor time each has used so far.
func cpuTimes(processes []process) (map[string]time.Duration, error) {
	stats, err := readStats()
	if err != nil {
		return nil, err
	}
	used := make(map[string]time.Duration, len(processes))
	for _, p := range processes {
		if _, ok := stats[p.pid]; !ok {
			return nil, fmt.Errorf("%s: there is no process %d", p.name, p.pid)
		}
		used[p.name] = family(stats, p.pid)
	}
	return used, nil
}

// A stat is what the kernel says of a process: its parent, and the time that it and its children that ended have used.
type stat struct {
	parent int
	used   time.Duration
}

func family(stats map[int]stat, pid int) time.Duration {
	used := stats[pid].used
	for child, s := range stats {
		if s.parent == pid {
			used += family(stats, child)
		}
	}
	return used
}

func readStats() (map[int]stat, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	stats := make(map[int]stat, len(files))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended meanwhile
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, err
		}
		stats[pid] = parseStat(text)
	}
	return stats, nil
}

// parseStat reads proc_pid_stat(5). The name, in parentheses, may hold anything; what counts stands behind it.
func parseStat(text []byte) stat {
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	number := func(i int) int64 {
		n, _ := strconv.ParseInt(string(fields[i]), 10, 64)
		return n
	}
	const ppid, utime, stime, cutime, cstime = 1, 11, 12, 13, 14
	if len(fields) <= cstime {
		return stat{}
	}
	return stat{parent: int(number(ppid)), used: time.Duration(number(utime)+number(stime)+number(cutime)+number(cstime)) * tick}
}

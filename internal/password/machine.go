package password

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// unknownMemory is what a machine is taken to have that does not say: one that is not Linux.
const unknownMemory = 1 << 30

// MachineMemory returns how many bytes this process may use: the smallest of the memory limits of its control groups, version
// 1 or 2, from its own up to the outermost, and of the machine's memory.
func MachineMemory() int64 { return machineMemory(os.DirFS("/")) }

func machineMemory(root fs.FS) int64 {
	least := int64(0)
	for _, limit := range append(groupLimits(root), installed(root)) {
		if limit > 0 && (least == 0 || limit < least) {
			least = limit
		}
	}
	if least == 0 {
		return unknownMemory
	}
	return least
}

// installed returns the machine's memory (proc_meminfo(5)), or 0.
func installed(root fs.FS) int64 {
	text, _ := fs.ReadFile(root, "proc/meminfo")
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if len(fields) == 3 && fields[0] == "MemTotal:" && fields[2] == "kB" {
			kib, _ := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// groupLimits returns the limits of the control groups that the process is in. What cannot be read is left out, and so is
// version 2's word for no limit; version 1 has a number for it that is larger than any machine.
func groupLimits(root fs.FS) (limits []int64) {
	groups, _ := fs.ReadFile(root, "proc/self/cgroup")
	mounts, _ := fs.ReadFile(root, "proc/self/mountinfo")
	for line := range bytes.Lines(groups) { // hierarchy:controllers:path (cgroups(7))
		fields := strings.SplitN(strings.TrimSpace(string(line)), ":", 3)
		if len(fields) != 3 {
			continue
		}
		kind, file := "cgroup2", "memory.max"
		if fields[1] != "" {
			kind, file = "cgroup", "memory.limit_in_bytes"
			if !listed(fields[1], "memory") {
				continue
			}
		}
		if mount, inside, ok := groupMount(string(mounts), kind, fields[2]); ok {
			limits = append(limits, limitsUpTo(root, mount, inside, file)...)
		}
	}
	return limits
}

// groupMount finds where a hierarchy is mounted (proc_pid_mountinfo(5)), and the group's path below it. In a container the
// mount may begin at the container's own group, or the group's path may lie outside of what is mounted: then the mount's
// beginning is all there is to see.
func groupMount(mounts, kind, group string) (mount, inside string, ok bool) {
	for line := range strings.Lines(mounts) {
		before, after, _ := strings.Cut(strings.TrimSpace(line), " - ")
		where, what := strings.Fields(before), strings.Fields(after)
		if len(where) < 5 || len(what) < 3 || what[0] != kind || kind == "cgroup" && !listed(what[2], "memory") {
			continue
		}
		rest, below := strings.CutPrefix(group, strings.TrimSuffix(where[3], "/"))
		if !below || rest != "" && rest[0] != '/' || strings.HasPrefix(rest, "/..") {
			rest = ""
		}
		return strings.Trim(where[4], "/"), strings.Trim(rest, "/"), true
	}
	return "", "", false
}

// limitsUpTo reads the limit of a group and of all around it.
func limitsUpTo(root fs.FS, mount, inside, file string) (limits []int64) {
	for dir := inside; ; dir = path.Dir(dir) {
		text, _ := fs.ReadFile(root, path.Join(mount, dir, file))
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			limits = append(limits, n)
		}
		if dir == "" || dir == "." {
			return limits
		}
	}
}

func listed(names, name string) bool {
	for n := range strings.SplitSeq(names, ",") {
		if n == name {
			return true
		}
	}
	return false
}

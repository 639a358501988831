package password

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// defaultMemory is the assumed memory of a system other than Linux.
const defaultMemory = 1 << 30

// MemoryLimit returns the number of bytes that this process may use. This is
// the smallest of these limits: the memory of the machine, and the memory
// limits of the control groups (version 1 or 2) of this process, from its own
// group up to the outermost one.
func MemoryLimit() int64 { return memoryLimit(os.DirFS("/")) }

func memoryLimit(root fs.FS) int64 {
	least := int64(0)
	for _, limit := range append(cgroupLimits(root), physicalMemory(root)) {
		if limit > 0 && (least == 0 || limit < least) {
			least = limit
		}
	}

	if least == 0 {
		return defaultMemory
	}
	return least
}

// physicalMemory returns the memory of the machine (proc_meminfo(5)), or 0 if
// it is unknown.
func physicalMemory(root fs.FS) int64 {
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

// cgroupLimits returns the memory limits of the control groups of the process.
//
// It skips what it cannot read. It also skips the word "max", with which
// version 2 states that there is no limit. Version 1 has a number for this that
// is larger than the memory of any machine.
func cgroupLimits(root fs.FS) (limits []int64) {
	groups, _ := fs.ReadFile(root, "proc/self/cgroup")
	mounts, _ := fs.ReadFile(root, "proc/self/mountinfo")
	for line := range bytes.Lines(groups) {
		// The fields are hierarchy:controllers:path (cgroups(7)).
		fields := strings.SplitN(strings.TrimSpace(string(line)), ":", 3)
		if len(fields) != 3 {
			continue
		}

		fsType, file := "cgroup2", "memory.max"
		if fields[1] != "" {
			fsType, file = "cgroup", "memory.limit_in_bytes"
			if !contains(fields[1], "memory") {
				continue
			}
		}
		if mount, group, ok := cgroupMount(string(mounts), fsType, fields[2]); ok {
			limits = append(limits, limitsUpwards(root, mount, group, file)...)
		}
	}
	return limits
}

// cgroupMount returns the mount point of a cgroup hierarchy
// (proc_pid_mountinfo(5)), and the path of the group below the mount point.
//
// In a container, the root of the mount may be the container's own group, or
// the path of the group may be outside the mount. Then cgroupMount returns an
// empty group, because only the mount point itself is visible.
func cgroupMount(mounts, fsType, groupPath string) (mount, group string, ok bool) {
	for line := range strings.Lines(mounts) {
		before, after, _ := strings.Cut(strings.TrimSpace(line), " - ")
		place, kind := strings.Fields(before), strings.Fields(after)
		if len(place) < 5 || len(kind) < 3 || kind[0] != fsType || fsType == "cgroup" && !contains(kind[2], "memory") {
			continue
		}

		relative, below := strings.CutPrefix(groupPath, strings.TrimSuffix(place[3], "/"))
		if !below || relative != "" && relative[0] != '/' || strings.HasPrefix(relative, "/..") {
			relative = ""
		}
		return strings.Trim(place[4], "/"), strings.Trim(relative, "/"), true
	}
	return "", "", false
}

// limitsUpwards returns the limits of a group and of all groups above it.
func limitsUpwards(root fs.FS, mount, group, file string) (limits []int64) {
	for dir := group; ; dir = path.Dir(dir) {
		text, _ := fs.ReadFile(root, path.Join(mount, dir, file))
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			limits = append(limits, n)
		}
		if dir == "" || dir == "." {
			return limits
		}
	}
}

// contains reports whether a comma-separated list contains the name.
func contains(list, name string) bool {
	for n := range strings.SplitSeq(list, ",") {
		if n == name {
			return true
		}
	}
	return false
}

package password

import (
	"testing"
	"testing/fstest"
)

// The lines are from real machines and shortened.
const (
	meminfo  = "MemTotal:       16316412 kB\nMemFree:         8316412 kB\n"
	physical = int64(16316412) << 10
	v2       = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
	v1       = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n" +
		"32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" +
		"36 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	v1Groups = "5:cpu:/elsewhere\n4:memory:/docker/abc\n1:name=systemd:/\n0::/\n"
)

// v1Mount returns the mount of a version 1 memory hierarchy with this root.
func v1Mount(root string) string {
	return "36 31 0:32 " + root + " /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
}

func TestMemoryLimit(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"not Linux":      {nil, defaultMemory},
		"no cgroup":      {map[string]string{"proc/meminfo": meminfo}, physical},
		"broken meminfo": {map[string]string{"proc/meminfo": "MemTotal: lots kB\nMemTotal: 5\n"}, defaultMemory},
		"v2": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/a/b/memory.max": "268435456\n", "sys/fs/cgroup/a/memory.max": "max\n",
		}, 256 << 20},
		"v2, smaller limit in the outer group": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b/c\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/a/b/c/memory.max": "268435456\n", "sys/fs/cgroup/a/memory.max": "134217728\n",
		}, 128 << 20},
		"v2 without a limit": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/a/memory.max": "max\n",
		}, physical},
		"v2 in a cgroup namespace": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/memory.max": "67108864\n",
		}, 64 << 20},
		"v2, group outside the cgroup namespace": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/../../x\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/memory.max": "67108864\n",
		}, 64 << 20},
		"v1": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": v1Groups, "proc/self/mountinfo": v1,
			"sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "268435456\n",
			"sys/fs/cgroup/memory/docker/memory.limit_in_bytes":     "9223372036854771712\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":            "9223372036854771712\n",
			"sys/fs/cgroup/cpu/elsewhere/memory.limit_in_bytes":     "1\n",
		}, 256 << 20},
		"v1, smaller limit in the outer group": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": v1Groups, "proc/self/mountinfo": v1,
			"sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "268435456\n",
			"sys/fs/cgroup/memory/docker/memory.limit_in_bytes":     "33554432\n",
		}, 32 << 20},
		"v1, mount of the container's own group": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": v1Groups,
			"proc/self/mountinfo":                        v1Mount("/docker/abc"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "67108864\n",
		}, 64 << 20},
		"v1, mount of another group": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": v1Groups,
			"proc/self/mountinfo":                        v1Mount("/docker/ab"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "67108864\n",
		}, 64 << 20},
		"limit above the physical memory": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/memory.max": "99999999999999\n",
		}, physical},
		"malformed files": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0:\n\n:::\n4:memory\n",
			"proc/self/mountinfo": "\n1 2\n - \n1 2 3 4 5 - cgroup2\n",
		}, physical},
	} {
		root := fstest.MapFS{}
		for file, text := range c.files {
			root[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := memoryLimit(root); got != c.want {
			t.Errorf("%s: %d bytes, want %d", name, got, c.want)
		}
	}
	if n := MemoryLimit(); n < 16<<20 {
		t.Errorf("the memory limit of this machine is %d bytes", n)
	}
}

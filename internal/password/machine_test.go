package password

import (
	"testing"
	"testing/fstest"
)

// The lines are those of real machines, shortened.
const (
	meminfo  = "MemTotal:       16316412 kB\nMemFree:         8316412 kB\n"
	all      = int64(16316412) << 10
	v2       = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
	v1       = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n36 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	v1Groups = "5:cpu:/elsewhere\n4:memory:/docker/abc\n1:name=systemd:/\n0::/\n"
)

func TestMachineMemory(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no Linux":       {nil, unknownMemory},
		"no cgroup":      {map[string]string{"proc/meminfo": meminfo}, all},
		"meminfo broken": {map[string]string{"proc/meminfo": "MemTotal: lots kB\nMemTotal: 5\n"}, unknownMemory},
		"v2": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/a/b/memory.max": "268435456\n", "sys/fs/cgroup/a/memory.max": "max\n",
		}, 256 << 20},
		"v2, the outer group is smaller": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b/c\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/a/b/c/memory.max": "268435456\n", "sys/fs/cgroup/a/memory.max": "134217728\n",
		}, 128 << 20},
		"v2 without limit": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a\n", "proc/self/mountinfo": v2, "sys/fs/cgroup/a/memory.max": "max\n",
		}, all},
		"v2, a namespace of its own": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "proc/self/mountinfo": v2, "sys/fs/cgroup/memory.max": "67108864\n",
		}, 64 << 20},
		"v2, a group outside of the namespace": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/../../x\n", "proc/self/mountinfo": v2, "sys/fs/cgroup/memory.max": "67108864\n",
		}, 64 << 20},
		"v1": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": v1Groups, "proc/self/mountinfo": v1,
			"sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "268435456\n",
			"sys/fs/cgroup/memory/docker/memory.limit_in_bytes":     "9223372036854771712\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":            "9223372036854771712\n",
			"sys/fs/cgroup/cpu/elsewhere/memory.limit_in_bytes":     "1\n",
		}, 256 << 20},
		"v1, the outer group is smaller": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": v1Groups, "proc/self/mountinfo": v1,
			"sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "268435456\n",
			"sys/fs/cgroup/memory/docker/memory.limit_in_bytes":     "33554432\n",
		}, 32 << 20},
		"v1, mounted at the container's own group": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": v1Groups,
			"proc/self/mountinfo":                        "36 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "67108864\n",
		}, 64 << 20},
		"v1, mounted at another group": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": v1Groups,
			"proc/self/mountinfo":                        "36 31 0:32 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "67108864\n",
		}, 64 << 20},
		"more than there is": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "proc/self/mountinfo": v2, "sys/fs/cgroup/memory.max": "99999999999999\n",
		}, all},
		"nonsense": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0:\n\n:::\n4:memory\n", "proc/self/mountinfo": "\n1 2\n - \n1 2 3 4 5 - cgroup2\n",
		}, all},
	} {
		root := fstest.MapFS{}
		for file, text := range c.files {
			root[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := machineMemory(root); got != c.want {
			t.Errorf("%s: %d bytes, want %d", name, got, c.want)
		}
	}
	if n := MachineMemory(); n < 16<<20 {
		t.Errorf("this machine has %d bytes", n)
	}
}

package cpulimit

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Both kinds of limits hold a process that would use a whole CPU to a part of
// it, and end when they are lifted.
func TestLimits(t *testing.T) {
	for name, set := range map[string]func(pid int) (lift func(), err error){
		"duty cycle": func(pid int) (func(), error) { return startDutyCycle(pid, .2) },
		"either": func(pid int) (func(), error) {
			l, err := Set(pid, .2)
			if err != nil {
				return nil, err
			}
			t.Log(l.Method)
			return l.Lift, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := exec.Command("sh", "-c", "while :; do :; done")
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
			lift, err := set(c.Process.Pid)
			if err != nil {
				t.Fatal(err)
			}

			const measured = time.Second
			time.Sleep(measured) // the limit acts by the wall clock, on another process
			lift()
			stat, err := os.ReadFile("/proc/" + strconv.Itoa(c.Process.Pid) + "/stat")
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(stat, []byte(") T ")) {
				t.Error("the process is stopped after the limit was lifted")
			}
			_ = c.Process.Kill()
			_ = c.Wait()
			usage := c.ProcessState.SysUsage().(*syscall.Rusage)
			used := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
			if used > measured/2 {
				t.Errorf("the process used %s of %s, want about a fifth", used, measured)
			}
		})
	}
}

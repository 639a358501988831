package pgtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// killed, in the environment, makes TestKilledProgramLeavesNothing the program that is killed.
const killed = "SIGNET_PGTEST_KILLED"

// TestKilledProgramLeavesNothing kills a test program whose private servers run: they end, and their files go.
func TestKilledProgramLeavesNothing(t *testing.T) {
	if os.Getenv(killed) != "" {
		Bouncer(t)
		fmt.Printf("in %s and %s\n", server.base.Query().Get("host"), server.pooler.base.Query().Get("host"))
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		select {}
	}
	if _, err := Programs(); err != nil && os.Getenv(Env) != "" {
		return // where no private server can be started, none is left
	}
	program := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	program.Env = append(os.Environ(), killed+"=yes", Env+"=")
	said, err := program.Output()
	_, dirs, found := bytes.Cut(said, []byte("in "))
	if err == nil || !found {
		t.Fatalf("the program was not killed in the midst of it (%v):\n%s", err, said)
	}
	for dir := range strings.SplitSeq(strings.TrimSpace(string(dirs)), " and ") {
		goes(t, dir)
	}
}

// goes waits until a directory is gone.
func goes(t *testing.T, dir string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 2000 {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			return
		}
		<-tick.C
	}
	t.Errorf("%s is still there", dir)
}

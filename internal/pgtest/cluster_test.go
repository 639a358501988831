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

// killedEnv is the environment variable that makes the test below the program
// that is killed.
const killedEnv = "SIGNET_PGTEST_KILLED"

// When a test program is killed, its private servers stop and their files are
// removed.
func TestMain_KilledProgramLeavesNoFiles(t *testing.T) {
	if os.Getenv(killedEnv) != "" {
		Bouncer(t)
		fmt.Printf("in %s and %s\n", server.base.Query().Get("host"), server.pooler.base.Query().Get("host"))
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		select {}
	}
	if _, err := BinDir(); err != nil && os.Getenv(serverEnv) != "" {
		return // no private server can be started on this machine
	}
	program := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	program.Env = append(os.Environ(), killedEnv+"=yes", serverEnv+"=")
	output, err := program.Output()
	_, dirs, found := bytes.Cut(output, []byte("in "))
	if err == nil || !found {
		t.Fatalf("the program was not killed while its servers ran (%v):\n%s", err, output)
	}
	for dir := range strings.SplitSeq(strings.TrimSpace(string(dirs)), " and ") {
		waitRemoved(t, dir)
	}
}

// waitRemoved waits until a directory has been removed.
func waitRemoved(t *testing.T, dir string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 2000 {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			return
		}
		<-tick.C
	}
	t.Errorf("%s has not been removed", dir)
}

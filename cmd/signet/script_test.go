package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signetd/signet/keys"
)

// TestScripts runs the scripts of testdata/script with the real program.
func TestScripts(t *testing.T) {
	testscript.Run(t, scripts("testdata/script"))
}

// scripts returns the parameters for the scripts in a directory, with the
// commands of this file.
func scripts(dir string) testscript.Params {
	return testscript.Params{
		Dir: dir, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			name, value, _ := strings.Cut(fastExit, "=")
			e.Setenv(name, value)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ports": setPorts, "ready": waitReady, "gone": waitGone, "exits": exits, "paste": paste, "mode": checkMode,
			"kid": setKID, "field": setField, "addresses": unsetAddresses, "until": until,
		},
	}
}

// fastExit keeps programs with the race detector from sleeping for a second
// before they exit.
const fastExit = "GORACE=atexit_sleep_ms=0"

// listenerNames are the names of the listeners in environment variables.
var listenerNames = []string{"HTTP", "GRPC", "OPS", "GATEWAY"}

// setPorts gives free addresses to the next server: ports [SUFFIX] sets HTTP,
// GRPC, OPS and GATEWAY, with the suffix. Without a suffix it also sets the
// variables that the program reads.
func setPorts(ts *testscript.TestScript, _ bool, args []string) {
	suffix := strings.Join(args, "")
	free, err := freeAddresses(len(listenerNames))
	ts.Check(err)
	for i, name := range listenerNames {
		ts.Setenv(name+suffix, free[i])
		if suffix == "" {
			ts.Setenv("SIGNET_"+name+"_ADDRESS", free[i])
		}
	}
}

// unsetAddresses removes the variables that the program reads: from then on it
// must find the addresses in its configuration.
func unsetAddresses(ts *testscript.TestScript, _ bool, _ []string) {
	for _, name := range listenerNames {
		ts.Setenv("SIGNET_"+name+"_ADDRESS", "")
	}
}

// freeAddresses returns n loopback addresses that no process listens on. Their
// ports are below those that the kernel gives to connections and to listeners
// without a port, so that none is taken before the server listens.
func freeAddresses(n int) ([]string, error) {
	const first, last = 12_000, 32_000
	var found []string
	for range 1000 {
		if len(found) == n {
			return found, nil
		}
		port := first + rand.N(last-first)
		if _, again := givenPorts.LoadOrStore(port, true); again {
			continue
		}
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			found = append(found, address)
		}
	}
	return nil, errors.New("no port is free")
}

// givenPorts has the ports that freeAddresses has returned.
var givenPorts sync.Map

// waitTimeout bounds every wait of the tests.
const waitTimeout = 30 * time.Second

// waitReady waits until the server at $OPS is ready, or the one of a suffix:
// ready [SUFFIX].
func waitReady(ts *testscript.TestScript, _ bool, args []string) {
	url := "http://" + ts.Getenv("OPS"+strings.Join(args, "")) + "/readyz"
	if !eventually(func() bool { return statusAt(url) == 200 }) {
		ts.Fatalf("%s was not ready within %s", url, waitTimeout)
	}
}

// waitGone waits until no process listens at $OPS.
func waitGone(ts *testscript.TestScript, _ bool, _ []string) {
	url := "http://" + ts.Getenv("OPS") + "/livez"
	if !eventually(func() bool { return statusAt(url) == 0 }) {
		ts.Fatalf("%s still answers after %s", url, waitTimeout)
	}
}

// exits runs a program and checks its exit code: exits 2 signet …
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// until runs a program again and again until it succeeds.
func until(ts *testscript.TestScript, _ bool, args []string) {
	if !eventuallyAfter(programPause, func() bool { return ts.Exec(args[0], args[1:]...) == nil }) {
		ts.Fatalf("it did not succeed within %s", waitTimeout)
	}
}

// paste runs the indented commands of a file in a shell, one after another, as
// a user pastes them: paste FILE COUNT. There must be COUNT commands. The
// output is that of the last one.
func paste(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	ran := 0
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		command, shown := strings.CutPrefix(line, "  ")
		if !shown || strings.Contains(line, ": ") {
			continue
		}
		ts.Logf("pasted: %s", command)
		ts.Check(ts.Exec("sh", "-c", command))
		ran++
	}
	if ran != want {
		ts.Fatalf("%d commands are shown, want %d", ran, want)
	}
}

// checkMode checks the permissions of files: mode 0600 FILE…
func checkMode(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
			ts.Fatalf("%s has mode %s, want %s", name, got, args[0])
		}
	}
}

// setKID sets a variable to the id of a key, from the output of
// `signet keys -o json`: kid NAME ALGORITHM STATE. With ! there must be no such
// key.
func setKID(ts *testscript.TestScript, neg bool, args []string) {
	var rows []keys.Row
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &rows))
	for _, row := range rows {
		if row.Algorithm == args[1] && string(row.State) == args[2] {
			if neg {
				ts.Fatalf("there is a %s %s key: %s", args[2], args[1], row.Key)
			}
			ts.Setenv(args[0], row.Key)
			return
		}
	}
	if !neg {
		ts.Fatalf("there is no %s %s key", args[2], args[1])
	}
}

// setField sets a variable to a member of a JSON document: field NAME FILE
// MEMBER.
func setField(ts *testscript.TestScript, _ bool, args []string) {
	var document map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &document))
	value, ok := document[args[2]]
	if !ok {
		ts.Fatalf("%s has no %s", args[1], args[2])
	}
	ts.Setenv(args[0], fmt.Sprint(value))
}

// programPause is the pause between two calls of a program. It leaves the CPU
// to the server for which the test waits.
const programPause = 50 * time.Millisecond

// eventually calls ok until it returns true or waitTimeout has passed.
func eventually(ok func() bool) bool { return eventuallyAfter(5*time.Millisecond, ok) }

// eventuallyAfter is eventually with pauses of that length.
func eventuallyAfter(pause time.Duration, ok func() bool) bool {
	deadline := time.Now().Add(waitTimeout)
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		if ok() {
			return true
		}
		<-tick.C
	}
	return false
}

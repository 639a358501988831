package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signetd/signet/keys"
)

// TestScripts runs the program as its user meets it.
func TestScripts(t *testing.T) {
	testscript.Run(t, scripts("testdata/script"))
}

func scripts(dir string) testscript.Params {
	return testscript.Params{
		Dir: dir, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			name, value, _ := strings.Cut(endAtOnce, "=")
			e.Setenv(name, value)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ports": setPorts, "ready": waitReady, "gone": waitGone, "exits": exits, "paste": paste, "mode": checkMode, "kid": setKID,
			"field": setField, "addresses": addresses, "until": until,
		},
	}
}

// endAtOnce keeps programs under the race detector from sleeping for a second before they end.
const endAtOnce = "GORACE=atexit_sleep_ms=0"

// setPorts gives free addresses to the three doors of a server that is started next: ports [SUFFIX] sets HTTP, GRPC and OPS
// (with the suffix), and without a suffix also what the program reads.
func setPorts(ts *testscript.TestScript, _ bool, args []string) {
	suffix := strings.Join(args, "")
	at, err := freeAddresses(3)
	ts.Check(err)
	for i, door := range []string{"HTTP", "GRPC", "OPS"} {
		ts.Setenv(door+suffix, at[i])
		if suffix == "" {
			ts.Setenv("SIGNET_"+door+"_ADDRESS", at[i])
		}
	}
}

// addresses makes the program find its doors by its configuration alone again.
func addresses(ts *testscript.TestScript, _ bool, _ []string) {
	for _, door := range []string{"HTTP", "GRPC", "OPS"} {
		ts.Setenv("SIGNET_"+door+"_ADDRESS", "")
	}
}

// freeAddresses returns loopback addresses that nobody listens on.
func freeAddresses(n int) ([]string, error) {
	found := make([]string, n)
	for i := range found {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all are held until all are found
		found[i] = l.Addr().String()
	}
	return found, nil
}

// patience bounds every wait of the tests.
const patience = 30 * time.Second

// waitReady waits until the server at $OPS (or the one of a suffix) is ready.
func waitReady(ts *testscript.TestScript, _ bool, args []string) {
	url := "http://" + ts.Getenv("OPS"+strings.Join(args, "")) + "/readyz"
	if !eventually(func() bool { return statusAt(url) == 200 }) {
		ts.Fatalf("%s was not ready within %s", url, patience)
	}
}

// waitGone waits until nobody listens at $OPS.
func waitGone(ts *testscript.TestScript, _ bool, _ []string) {
	url := "http://" + ts.Getenv("OPS") + "/livez"
	if !eventually(func() bool { return statusAt(url) == 0 }) {
		ts.Fatalf("%s still answers after %s", url, patience)
	}
}

// exits runs a program and wants one exit code: exits 2 signet …
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
	if !eventually(func() bool { return ts.Exec(args[0], args[1:]...) == nil }) {
		ts.Fatalf("it did not succeed within %s", patience)
	}
}

// paste runs the commands that a file shows, indented, one after the other in a shell, as a newcomer pastes them. There must
// be as many as the second argument says. What they print is the output of the last.
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

// checkMode wants the permissions of files: mode 0600 FILE…
func checkMode(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
			ts.Fatalf("%s has mode %s, want %s", name, got, args[0])
		}
	}
}

// setKID looks a key up in what `signet keys -o json` printed: kid NAME ALGORITHM STATE.
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

// setField takes a member of a JSON document: field NAME FILE MEMBER.
func setField(ts *testscript.TestScript, _ bool, args []string) {
	var document map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &document))
	value, ok := document[args[2]]
	if !ok {
		ts.Fatalf("%s has no %s", args[1], args[2])
	}
	ts.Setenv(args[0], fmt.Sprint(value))
}

// eventually asks until the answer is yes.
func eventually(ask func() bool) bool {
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		if ask() {
			return true
		}
		<-tick.C
	}
	return false
}

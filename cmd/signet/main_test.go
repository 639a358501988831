package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signetd/signet/internal/pgtest"
)

// TestMain puts this test program into PATH under the names of the programs
// that the scripts call.
func TestMain(m *testing.M) {
	testscript.Main(withPostgres{m}, map[string]func(){
		"signet": main, "fetch": fetch, "go": runFromSource, "curl": curl, "stalls": stalls,
	})
}

// withPostgres provides PostgreSQL for the tests that call pgtest.
type withPostgres struct{ m *testing.M }

// Run runs the tests. testscript.Main calls it unless this program runs under
// another name.
func (w withPostgres) Run() int { return pgtest.Main(w.m, nil) }

// fetch prints the document at a URL. The scripts use it because a machine may
// have neither curl nor wget.
func fetch() {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, os.Args[len(os.Args)-1], nil)
	if err == nil {
		err = printResponse(r)
	}
	exitIf(err)
}

// printResponse sends a request and prints the response. A status other than
// 200 is an error.
func printResponse(r *http.Request) error {
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(os.Stdout, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the status is %s", response.Status)
	}
	return nil
}

// exitIf prints an error and exits, unless the error is nil.
func exitIf(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// stalls measures how long a process waits for a CPU. It sleeps for a
// millisecond again and again until the end of standard input, and prints by
// how much the longest sleep was too long.
func stalls() {
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	longest := time.Duration(0)
	for {
		began := time.Now()
		select {
		case <-ended:
			fmt.Print(longest)
			return
		case <-time.After(time.Millisecond):
			longest = max(longest, time.Since(began)-time.Millisecond)
		}
	}
}

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

// TestMain puts this test program into PATH under the names of the programs that the scripts call.
func TestMain(m *testing.M) {
	testscript.Main(withPostgres{m}, map[string]func(){
		"signet": main, "fetch": fetch, "go": runFromSource, "curl": curl, "jq": jq, "stalls": stalls,
	})
}

// withPostgres gives a Postgres to the tests that ask for one.
type withPostgres struct{ m *testing.M }

// Run is what testscript.Main calls when the program runs under no other name.
func (w withPostgres) Run() int { return pgtest.Main(w.m, nil) }

// fetch prints what is at a URL, on machines that have neither curl nor wget.
func fetch() {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, os.Args[len(os.Args)-1], nil)
	if err == nil {
		err = printAnswer(r)
	}
	quitIf(err)
}

// printAnswer prints the answer to a request; any status but 200 is an error.
func printAnswer(r *http.Request) error {
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(os.Stdout, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the status is %s", answer.Status)
	}
	return nil
}

func quitIf(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// stalls is the bystander: until standard input ends it sleeps for a millisecond again and again, and prints by how much a
// sleep was too long.
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

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/signetd/signet/internal/app"
)

// The exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// Run runs the command that args name and returns the exit code: 0 for success,
// 1 for a failure, 2 for a usage error.
func Run(args []string) int {
	if err := app.ProtectMemory(); err != nil {
		fmt.Fprintf(os.Stderr, "signet: cannot protect the memory of this process: %v\n", err)
	}
	ctx, stop := signalContext()
	defer stop()

	p := &program{in: os.Stdin, out: os.Stdout, err: os.Stderr, output: outputText}
	root := newRootCommand(p)
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	return p.exitCode(root.ExecuteContext(ctx))
}

// exitCode prints an error and returns the exit code for it.
func (p *program) exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	text := describe(err)
	if errors.Is(err, context.Canceled) {
		text = "interrupted"
	}
	var failed commandError
	var usage usageError
	if errors.As(err, &failed) && p.log != nil {
		p.logFailure(text, err)
		return exitFailure
	}
	text = "signet: " + text + "\n"
	if errors.As(err, &usage) || !errors.As(err, &failed) {
		printLast(p.err, text+"Run the command with --help to see its usage.\n")
		return exitUsage
	}
	printLast(p.err, text)
	return exitFailure
}

// logFailure logs why a server cannot start or go on.
func (p *program) logFailure(text string, err error) {
	var faults faultsError
	if errors.As(err, &faults) {
		withinASecond(func() { p.log.Error("invalid configuration", "faults", []string(faults)) })
		return
	}
	withinASecond(func() { p.log.Error("the server failed", "error", text) })
}

// printLast prints the last text before the program ends.
func printLast(w io.Writer, text string) { withinASecond(func() { fmt.Fprint(w, text) }) }

// withinASecond calls print, and waits for it no longer than a second: it may
// write to a pipe that nobody reads.
func withinASecond(print func()) {
	printed := make(chan struct{})
	go func() {
		defer close(printed)
		print()
	}()
	select {
	case <-printed:
	case <-time.After(time.Second):
	}
}

// sameStop is the time within which several signals are one request to stop: a
// service manager and a shell may both signal the process.
const sameStop = time.Second

// signalContext returns a context that the first SIGINT or SIGTERM cancels. A
// signal that comes more than a second later ends the program at once.
func signalContext() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		for first := time.Now(); time.Since(first) < sameStop; {
			<-signals
		}
		printLast(os.Stderr, "signet: stopped by a second signal\n")
		os.Exit(exitFailure)
	}()
	return ctx, func() { signal.Stop(signals); cancel() }
}

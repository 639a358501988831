package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/signetd/signet/internal/oauth"
)

// The exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

func main() { os.Exit(run(os.Args[1:])) }

// run is one run of the program; it returns the exit code.
func run(args []string) int {
	if err := protect(); err != nil {
		fmt.Fprintf(os.Stderr, "signet: this process cannot be protected: %v\n", err)
	}
	ctx, stop := untilSignal()
	defer stop()
	p := &program{in: os.Stdin, out: os.Stdout, err: os.Stderr, output: outputText}
	root := p.command()
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	return p.exit(root.ExecuteContext(ctx))
}

// exit tells what went wrong and returns the exit code.
func (p *program) exit(err error) int {
	if err == nil {
		return exitOK
	}
	text := explain(err)
	if errors.Is(err, context.Canceled) {
		text = "interrupted"
	}
	fmt.Fprintf(p.err, "signet: %s\n", text)
	var failed failure
	var usage usageError
	if errors.As(err, &usage) || !errors.As(err, &failed) {
		fmt.Fprintln(p.err, "Try the same command with --help.")
		return exitUsage
	}
	return exitFailure
}

// untilSignal returns a context that ends at the first SIGINT or SIGTERM. The second ends the program at once.
func untilSignal() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals
		fmt.Fprintln(os.Stderr, "signet: ended by a second signal")
		os.Exit(exitFailure)
	}()
	return ctx, func() { signal.Stop(signals); cancel() }
}

// A failure is an error of a command that was called rightly; every other error is one of usage.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// A usageError says what is wrong with the command line.
type usageError string

func (u usageError) Error() string { return string(u) }

// about says what an error is about.
func about(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// explain returns what the operator should read: of our own errors the sentence and the cause, without the code.
func explain(err error) string {
	text := err.Error()
	var own *oauth.Error
	var code oauth.Code
	switch {
	case errors.As(err, &own) && own.Cause != nil:
		return strings.Replace(text, own.Error(), own.Sentence+" ("+own.Cause.Error()+")", 1)
	case own != nil:
		return strings.Replace(text, own.Error(), own.Sentence, 1)
	case errors.As(err, &code):
		return strings.TrimSuffix(text, code.Error()) + oauth.AsError(code).Sentence
	}
	return text
}

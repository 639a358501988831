package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/cert"
	"github.com/signetd/signet/internal/grant"
)

// A Server is the issuer: an App, its components and its listeners.
type Server struct {
	app        *App
	dev        *devMode // nil without --dev
	cert       *cert.Reloader
	components *components.Components
	sweeper    *grant.Sweeper
	limits     limits
	counted    []countedListener // for the metrics
	writes     *writeCheck
	// serving is true while the server answers requests: after the start is
	// complete and before a drain begins.
	serving atomic.Bool

	tasks sync.WaitGroup
	// fail stops the server with the error of a task.
	fail context.CancelCauseFunc
}

// NewServer returns a server that is not started yet.
func NewServer(a *App) *Server { return &Server{app: a} }

// NewDevServer returns the server of `serve --dev`. It fills an empty store
// with a demo and prints to out what it did and how to try it.
func NewDevServer(a *App, out io.Writer) *Server {
	a.dev = true
	return &Server{app: a, dev: &devMode{app: a, out: out}}
}

// Run starts the server, waits until ctx is done or a task fails, and drains
// the server. It closes the App. If it does not return in time, it ends the
// process.
func (s *Server) Run(ctx context.Context) (err error) {
	ended := make(chan struct{})
	defer close(ended)
	defer func() { err = errors.Join(err, s.app.Close()) }()
	running, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	s.fail = fail
	go s.endInTime(running, ended)
	useForLibraries(s.app.Log)
	stopTracing, err := s.app.startTracing(ctx)
	if err != nil {
		return err
	}
	defer stopTracing()

	if err := s.openFiles(ctx); err != nil {
		return err
	}
	stopOps, err := s.listenOps()
	if err != nil {
		return err
	}
	defer stopOps()
	if err := s.openComponents(ctx); err != nil {
		return err
	}
	l, err := s.listen()
	if err != nil {
		return err
	}

	s.registerSources()
	// The background tasks run until the last request is answered.
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBackground()
	s.startBackground(background)
	s.logListeners(l)
	s.serving.Store(true)
	notifySystemd(notifyReady, s.app.Log)

	<-running.Done()
	notifySystemd(notifyStopping, s.app.Log)
	s.serving.Store(false)
	err = l.drain(s.app.Config.Shutdown, s.components.Feed.Drain, s.app.Log)
	stopBackground()
	stopOps()
	s.tasks.Wait()
	if cause := context.Cause(running); !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

// afterTimeout is the time that the rest of a shutdown may take after
// config.Shutdown.Timeout, when no request is in progress any more.
const afterTimeout = flushTimeout + time.Second

// endInTime ends the process if Run takes too long to return after running is
// done. Something that does not end then, such as a call of the operating
// system, would keep the process for ever.
func (s *Server) endInTime(running context.Context, ended <-chan struct{}) {
	<-running.Done()
	select {
	case <-ended:
	case <-time.After(s.app.Config.Shutdown.Timeout + afterTimeout):
		s.app.Log.Error("the server did not stop within shutdown.timeout; ending the process")
		s.app.flush()
		os.Exit(1)
	}
}

// startBackground starts the tasks that run beside the listeners.
func (s *Server) startBackground(ctx context.Context) {
	if collectorIsFree() {
		adjustCollector(ctx)
	}
	s.start("the directory", func() error { s.components.Registry.Run(ctx); return nil })
	s.start("the key ring", func() error { s.app.Keys.Run(ctx); return nil })
	s.start("the feed of revocations", func() error { s.components.Feed.Run(ctx); return nil })
	s.start("the list of verifiers", func() error { s.components.Callers.Run(ctx); return nil })
	s.start("the costs of password hashes", func() error { s.components.Logins.Run(ctx); return nil })
	s.start("the worker of endings", func() error {
		grant.EndingWorker{Store: s.app.Store, Log: s.app.Log}.Run(ctx)
		return nil
	})
	s.start("the sweeper of the revocation log", func() error {
		grant.LogSweeper{Store: s.app.Store, Log: s.app.Log}.Run(ctx)
		return nil
	})
	if s.sweeper != nil {
		s.start("the sweeper", func() error { s.sweeper.Run(ctx); return nil })
	}
	if s.cert != nil {
		s.start("the certificate", func() error { s.cert.Run(ctx); return nil })
	}
}

// start runs a task in a goroutine. An error of a task stops the server.
func (s *Server) start(name string, task func() error) {
	s.tasks.Go(func() {
		if err := task(); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.fail(fmt.Errorf("%s: %w", name, err))
		}
	})
}

package app

import (
	"bytes"
	"context"
	"log/slog"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/feed"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/rpc"
	"github.com/signetd/signet/internal/telemetry"
	"github.com/signetd/signet/internal/web"
)

// flushTimeout bounds the export of the last spans when the process stops.
const flushTimeout = 2 * time.Second

// newMetrics returns the metrics of this process.
func newMetrics() *telemetry.Metrics {
	b := ReadBuild()
	return telemetry.NewMetrics(telemetry.Build{Version: b.Version, Revision: b.Revision, Go: b.Go})
}

// reportDropped returns a function that makes the log line that follows a gap
// in the log. It is an error, so that every log.level includes it.
func reportDropped(format string) func(dropped uint64, cause error) []byte {
	return func(dropped uint64, cause error) []byte {
		var line bytes.Buffer
		if log, err := telemetry.NewLogger(&line, format, "error"); err == nil {
			log.Error("stderr could not be written", "dropped_log_lines", dropped, "error", cause)
		}
		return line.Bytes()
	}
}

// useForLibraries makes libraries report to log: gRPC, and those that use the
// package log or the default logger. Nothing but the LineWriter writes to
// stderr then.
func useForLibraries(log *slog.Logger) {
	rpc.UseLog(log)
	slog.SetDefault(log)
}

// observeEvents returns write, with a count of the audit events. It also makes
// the feed read what the events have revoked, and drops the sessions that they
// have ended.
func (a *App) observeEvents(
	write func(context.Context, audit.Event) error,
) func(context.Context, audit.Event) error {
	return func(ctx context.Context, e audit.Event) error {
		m := a.metrics
		err := write(ctx, e)
		m.Audited(e.Name, err)
		if a.revoked != nil && mayRevoke(e.Name) {
			a.revoked(e)
		}
		switch e.Name {
		case audit.LoginSucceeded:
			m.Login("")
		case audit.LoginFailed:
			m.Login(e.Reason)
		case audit.RefreshReused:
			m.ReuseDetected()
			m.Revoked(audit.RevokedByReuse)
		case audit.GrantRevoked:
			if e.Count > 0 { // 0: the grants were revoked before
				m.Revoked(e.Reason)
			}
		case audit.PasswordSet:
			m.Revoked(audit.RevokedByPassword)
		case audit.UserDeleted, audit.ClientDeleted:
			m.Revoked(audit.RevokedByDeletion)
		}
		return err
	}
}

// mayRevoke reports whether an event may belong to a revocation. It is false
// for the frequent events that never do.
func mayRevoke(event string) bool {
	switch event {
	case audit.LoginSucceeded, audit.LoginFailed, audit.TokenMinted,
		audit.RefreshRepeated, audit.RefreshAhead, audit.RefreshMissing:
		return false
	}
	return true
}

// startTracing starts the export of spans if the environment names a collector.
// The returned function exports the last spans and stops.
func (a *App) startTracing(ctx context.Context) (stop func(), err error) {
	if !telemetry.TracingConfigured() {
		return func() {}, nil
	}
	a.Log = telemetry.WithTraceIDs(a.Log)
	if a.traces, err = telemetry.OpenTraces(ctx, ReadBuild().Version, a.Log); err != nil {
		return nil, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
		defer cancel()
		if err := a.traces.Close(ctx); err != nil {
			a.Log.Warn("cannot export the last spans", "error", err)
		}
	}, nil
}

// observer returns the hooks that count and trace what the components do.
func (a *App) observer() components.Observer {
	o := components.Observer{
		Refreshed: func(o grant.Outcome) { a.metrics.Refreshed(string(o)) },
		Issued:    a.metrics.Issued, IssuedFromCache: a.metrics.IssuedFromCache,
		Feed:    feed.Observer{Signed: a.metrics.FeedSigned, Answered: a.metrics.FeedAnswered},
		Checked: a.metrics.SessionChecked,
	}
	if a.traces != nil {
		o.Span = a.traces.StartSpan
	}
	return o
}

// httpHooks returns the hooks that count and trace HTTP requests.
func (a *App) httpHooks() web.Observer {
	w := web.Observer{Count: a.metrics.Request}
	if a.traces != nil {
		w.Trace = a.traces.StartRequest
	}
	return w
}

// grpcHooks returns the hooks that count and trace gRPC calls.
func (a *App) grpcHooks() rpc.Observer {
	o := rpc.Observer{Count: a.metrics.CallObserver}
	if a.traces != nil {
		o.Trace = a.traces.StartCall
	}
	return o
}

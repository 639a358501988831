package main

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/rpc"
	"github.com/signetd/signet/internal/telemetry"
	"github.com/signetd/signet/internal/web"
)

// flushPatience is how long the last spans may take to go out.
const flushPatience = 2 * time.Second

// openTraces begins to trace if the environment names a collector; else nothing of it is in anybody's way. What it returns
// sends the last spans.
func (h *house) openTraces(ctx context.Context) (stop func(), err error) {
	if !telemetry.Tracing() {
		return func() {}, nil
	}
	h.log = telemetry.Traced(h.log)
	if h.traces, err = telemetry.OpenTraces(ctx, buildVersion().Version, h.log); err != nil {
		return nil, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushPatience)
		defer cancel()
		if err := h.traces.Close(ctx); err != nil {
			h.log.Warn("the last traces are lost", "error", err)
		}
	}, nil
}

// issuerWatch is who counts and times what the issuer does.
func (h *house) issuerWatch() issuer.Watch {
	w := issuer.Watch{Refreshed: h.metrics.Refreshed, Issued: h.metrics.Issued, Repeated: h.metrics.Repeated}
	if h.traces != nil {
		w.Span = h.traces.Span
	}
	return w
}

// webWatch is who counts and traces HTTP requests.
func (h *house) webWatch() web.Watch {
	w := web.Watch{Count: h.metrics.Request}
	if h.traces != nil {
		w.Trace = h.traces.Request
	}
	return w
}

// grpcWatch is who counts and traces gRPC calls.
func (h *house) grpcWatch() rpc.Watch {
	w := rpc.Watch{Count: h.metrics.Call}
	if h.traces != nil {
		w.Trace = h.traces.Call
	}
	return w
}

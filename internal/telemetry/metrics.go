package telemetry

import (
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Upper bounds of the buckets of histograms. The fastest signature takes about
// ten microseconds.
var (
	// signBuckets is in seconds.
	signBuckets = []float64{0.00002, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1}
	// batchBuckets is in requests.
	batchBuckets = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256}
)

// Metrics holds all metrics of a process, in a registry of its own. It is safe
// for concurrent use. Recording an event does not allocate memory.
type Metrics struct {
	registry *prometheus.Registry
	// definitions are all metrics but those of the Go runtime and process.
	definitions []definition
	// sources is nil until the server has started.
	sources atomic.Pointer[Sources]

	grpc   grpcMetrics
	http   httpMetrics
	tokens tokenMetrics
	checks *prometheus.CounterVec
	feed   feedRecords
	audit  auditMetrics

	signSeconds *prometheus.HistogramVec
	batchSizes  *prometheus.HistogramVec
}

// Build identifies the running program.
type Build struct{ Version, Revision, Go string }

// NewMetrics returns the metrics of a process. Beside the metrics that this
// package defines, it exports those of the Go runtime (go_) and of the process
// (process_).
func NewMetrics(b Build) *Metrics {
	d := &definer{registry: prometheus.NewRegistry()}
	m := &Metrics{
		registry: d.registry,

		grpc:   newGRPCMetrics(d),
		http:   newHTTPMetrics(d),
		tokens: newTokenMetrics(d),
		checks: newSessionChecks(d),
		feed:   newFeedRecords(d),
		audit:  newAuditMetrics(d),

		signSeconds: d.histogramVec("signet_sign_duration_seconds", "Duration of one signature in seconds.",
			signBuckets, "alg"),
		batchSizes: d.histogramVec("signet_batch_size",
			"Requests in one batch: refreshes in one statement of Postgres (refresh), "+
				"reads of grants and users in one statement of Postgres (read), "+
				"or other writes in one transaction (write). "+
				"On Postgres, these writes are logins, revocations and counted login attempts; on SQLite, all writes.",
			batchBuckets, "batch"),
	}
	fromSources := newCollector(d, &m.sources)
	build := d.gaugeVec("signet_build_info", "Always 1. The labels identify the running program.",
		"version", "revision", "goversion")
	build.WithLabelValues(b.Version, b.Revision, b.Go).Set(1)

	m.definitions = d.list
	m.registry.MustRegister(fromSources, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// SetSources sets the sources of the sampled metrics. Without sources, a scrape
// omits these metrics.
func (m *Metrics) SetSources(s Sources) { m.sources.Store(&s) }

// Handler returns the handler that serves the metrics in the formats of
// Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

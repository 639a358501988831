package telemetry

import (
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Bounds of the histograms, in seconds: of requests, whose longest have a minute, and of signatures, the quickest of which
// takes some ten microseconds.
var (
	requestBuckets = []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
	signBuckets    = []float64{0.00002, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1}
	batchBuckets   = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256}
)

// Metrics is everything that an operator can watch, in a registry of its own. It is safe for concurrent use. To count takes
// no memory.
type Metrics struct {
	registry *prometheus.Registry
	list     []Metric
	// sources is what is asked at each scrape; nil until there is something to ask.
	sources atomic.Pointer[Sources]

	callsStarted *prometheus.CounterVec
	callsHandled *prometheus.CounterVec
	callSeconds  *prometheus.HistogramVec
	requests     *prometheus.CounterVec
	requestTime  *prometheus.HistogramVec

	logins        *prometheus.CounterVec
	refreshes     *prometheus.CounterVec
	reuses        prometheus.Counter
	issued        *prometheus.CounterVec
	repeated      *prometheus.CounterVec
	revocations   *prometheus.CounterVec
	events        *prometheus.CounterVec
	auditFailures prometheus.Counter

	signSeconds *prometheus.HistogramVec
	batchSizes  *prometheus.HistogramVec

	sampled sampled
}

// A Build is which program this is.
type Build struct{ Version, Revision, Go string }

// NewMetrics returns the metrics of a process. This is the list of all there are, beside those of the Go runtime and of the
// process (go_, process_).
func NewMetrics(b Build) *Metrics {
	l := &lister{registry: prometheus.NewRegistry()}
	m := &Metrics{
		registry: l.registry,

		callsStarted: l.counters("grpc_server_started_total", "gRPC calls that began.", "grpc_service", "grpc_method", "grpc_type"),
		callsHandled: l.counters("grpc_server_handled_total", "gRPC calls that were answered, by the code of the answer.",
			"grpc_service", "grpc_method", "grpc_type", "grpc_code"),
		callSeconds: l.histograms("grpc_server_handling_seconds", "How long gRPC calls took, in seconds.", requestBuckets,
			"grpc_service", "grpc_method", "grpc_type"),
		requests: l.counters("http_requests_total",
			"HTTP requests at http.address, by route, method and status. The route unmatched is all that nothing is served at.",
			"handler", "method", "code"),
		requestTime: l.histograms("http_request_duration_seconds", "How long HTTP requests took, in seconds.", requestBuckets,
			"handler", "method"),

		logins: l.counters("signet_logins_total",
			"Logins that were let in or refused: result is success or failure, reason is why one was refused. What callers hear does not tell the reasons apart.",
			"result", "reason"),
		refreshes: l.counters("signet_refreshes_total",
			"Presented refresh tokens by what became of them: the rows of the table in docs/protocol.md; invalid and unknown_key for tokens that reached no store; unavailable if nothing could be decided.",
			"outcome"),
		reuses: l.counter("signet_refresh_reuse_detected_total",
			"Refresh tokens that were presented again after they had been superseded: each revoked its grant."),
		issued: l.counters("signet_tokens_issued_total", "Access tokens that were signed, by call and algorithm.", "call", "alg"),
		repeated: l.counters("signet_tokens_repeated_total",
			"Access tokens that were given again without a signature, by call and algorithm: where the audience repeats tokens.", "call", "alg"),
		revocations: l.counters("signet_revocations_total",
			"Acts that ended grants, by reason. One act may end many: all those of a user.", "reason"),
		events:        l.counters("signet_audit_events_total", "Audit events, by name.", "event"),
		auditFailures: l.counter("signet_audit_failures_total", "Audit events that could not be written: what they were about got no answer."),

		signSeconds: l.histograms("signet_sign_duration_seconds", "How long one signature took, in seconds.", signBuckets, "alg"),
		batchSizes:  l.histograms("signet_batch_size", "How many went together: refreshes in one statement of Postgres (refresh), other writes in one transaction (write), which are logins, revocations and counted guesses on Postgres and everything on SQLite.", batchBuckets, "batch"),

		sampled: newSampled(l),
	}
	build := l.gauges("signet_build_info", "Always 1; the labels tell which program runs.", "version", "revision", "goversion")
	build.WithLabelValues(b.Version, b.Revision, b.Go).Set(1)
	m.list = l.list
	m.prepare()
	m.registry.MustRegister(sampler{m}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// newSampled lists what is asked at each scrape. A metric whose source does not exist, such as the pool of an SQLite store,
// is left out of the answer.
func newSampled(l *lister) sampled {
	return sampled{
		ringVersion: l.sample("signet_key_ring_version", Gauge, "The version of the key ring; a fall means that the store was restored."),
		ringAge: l.sample("signet_key_ring_age_seconds", Gauge,
			"How long ago the store last confirmed the key ring, in seconds. Past two and a half keys.poll_interval nothing is signed."),
		keys: l.sample("signet_keys", Gauge, "Keys in the ring.", "alg", "state"),
		next: l.sample("signet_key_next_transition_seconds", Gauge,
			"Seconds until the next key of an algorithm enters a state, as far as it has a date. Negative: it is due.", "alg", "state"),

		hashBudget:  l.sample("signet_password_budget_bytes", Gauge, "The memory that password hashes may take together, in bytes."),
		hashInUse:   l.sample("signet_password_in_use_bytes", Gauge, "The memory that password hashes take now, in bytes."),
		hashWaiting: l.sample("signet_password_waiting", Gauge, "Password hashes that wait for their turn."),
		hashes:      l.sample("signet_password_hashes_total", Counter, "Password hashes that were computed."),
		hashRefused: l.sample("signet_password_refused_total", Counter, "Password hashes that were refused because there was no place or no time for them."),

		poolMax:         l.sample("signet_store_pool_max_connections", Gauge, "Connections to the database that this server may open."),
		poolAcquired:    l.sample("signet_store_pool_acquired_connections", Gauge, "Connections that are in use."),
		poolIdle:        l.sample("signet_store_pool_idle_connections", Gauge, "Connections that are open and free."),
		poolAcquires:    l.sample("signet_store_pool_acquires_total", Counter, "How often a connection was taken."),
		poolWaits:       l.sample("signet_store_pool_waits_total", Counter, "How often a connection had to be waited for."),
		poolWaitSeconds: l.sample("signet_store_pool_wait_seconds_total", Counter, "How long connections were waited for in all, in seconds."),

		grants: l.sample("signet_grants", Gauge,
			"Grants in the store by state, as the sweeper's last whole pass over the table saw them: an estimate that is as old as the pass.", "state"),
		swept:        l.sample("signet_sweeper_removed_total", Counter, "Rows that the sweeper removed, by table.", "table"),
		sweeps:       l.sample("signet_sweeper_passes_total", Counter, "Whole passes of the sweeper over the grants."),
		sweepFailure: l.sample("signet_sweeper_failures_total", Counter, "Passes of the sweeper that the store broke off; it begins anew at its next time."),

		certificateLeft: l.sample("signet_tls_certificate_left_seconds", Gauge,
			"Seconds until the TLS certificate in use expires. Negative: it has expired."),
	}
}

// Handler serves the metrics in the formats of Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// List returns all metrics, in the order in which they are defined, without those of the Go runtime and of the process.
func (m *Metrics) List() []Metric { return m.list }

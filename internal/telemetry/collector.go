package telemetry

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// collector reads the sources at each scrape. A metric whose source is nil,
// such as the connection pool of an SQLite store, is omitted.
type collector struct {
	sources         *atomic.Pointer[Sources]
	ring            ringMetrics
	feed            feedMetrics
	hashing         hashingMetrics
	pool            poolMetrics
	sweeper         sweeperMetrics
	listeners       listenerMetrics
	sessionsHeld    sampled
	certificateLeft sampled
	droppedLines    sampled
}

// newCollector defines the sampled metrics. It reads their values from sources,
// which may be nil until the server has started.
func newCollector(d *definer, sources *atomic.Pointer[Sources]) collector {
	return collector{
		sources:   sources,
		ring:      newRingMetrics(d),
		feed:      newFeedMetrics(d),
		hashing:   newHashingMetrics(d),
		pool:      newPoolMetrics(d),
		sweeper:   newSweeperMetrics(d),
		listeners: newListenerMetrics(d),
		sessionsHeld: d.sampled("signet_sessions_held", gauge,
			"Sessions of browsers that the server holds for the questions of gateways, at most 32,768."),
		certificateLeft: d.sampled("signet_tls_certificate_left_seconds", gauge,
			"Seconds until the TLS certificate in use expires. A negative value means that it has expired."),
		droppedLines: d.sampled("signet_log_lines_dropped_total", counter,
			"Log lines that could not be written to stderr. Audit events are not log lines."),
	}
}

// Describe describes nothing: which metrics exist depends on the sources. So
// the registry checks each metric when it is collected.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	sources := c.sources.Load()
	if sources == nil {
		return
	}

	emit := func(m sampled, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, value, labels...)
	}
	if sources.Ring != nil {
		c.ring.collect(emit, sources.Ring())
	}
	if sources.Feed != nil {
		c.feed.collect(emit, sources.Feed())
	}
	if sources.Hashing != nil {
		c.hashing.collect(emit, sources.Hashing())
	}
	if sources.Pool != nil {
		c.pool.collect(emit, sources.Pool())
	}
	if sources.Sweeper != nil {
		c.sweeper.collect(emit, sources.Sweeper())
	}
	if sources.Listeners != nil {
		c.listeners.collect(emit, sources.Listeners())
	}
	if sources.Sessions != nil {
		emit(c.sessionsHeld, float64(sources.Sessions()))
	}
	if sources.CertificateValidFor != nil {
		emit(c.certificateLeft, sources.CertificateValidFor().Seconds())
	}
	if sources.DroppedLogLines != nil {
		emit(c.droppedLines, float64(sources.DroppedLogLines()))
	}
}

package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// CallObserver returns two functions that record the calls of one gRPC method.
// The server calls started when a call starts, and finished with its status
// code and duration. It needs one pair for each method, not for each call.
func (m *Metrics) CallObserver(
	service, method, kind string,
) (started func(), finished func(code string, took time.Duration)) {
	labels := prometheus.Labels{"grpc_service": service, "grpc_method": method, "grpc_type": kind}
	starts, seconds := m.grpc.started.With(labels), m.grpc.seconds.With(labels)
	handled := m.grpc.handled.MustCurryWith(labels)
	ok := handled.WithLabelValues("OK")

	return starts.Inc, func(code string, took time.Duration) {
		if code == "OK" {
			ok.Inc()
		} else {
			handled.WithLabelValues(code).Inc()
		}
		seconds.Observe(took.Seconds())
	}
}

// unmatched is the handler label of requests for paths without a route.
const unmatched = "unmatched"

// Request records one HTTP request. handler is the route of the request, or
// empty if no route matches. The path of the request must not be a label,
// because callers could create any number of series. For the same reason,
// methods that are not standard ones have the label "other".
func (m *Metrics) Request(handler, method, code string, took time.Duration) {
	if handler == "" {
		handler = unmatched
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions:
	default:
		method = "other"
	}
	m.http.requests.WithLabelValues(handler, method, code).Inc()
	m.http.seconds.WithLabelValues(handler, method).Observe(took.Seconds())
}

// Login records a login. reason is why the login failed, from a fixed set of
// values, or empty for success.
func (m *Metrics) Login(reason string) {
	result := "success"
	if reason != "" {
		result = "failure"
	}
	m.tokens.logins.WithLabelValues(result, reason).Inc()
}

// Refreshed records the outcome of a refresh attempt.
func (m *Metrics) Refreshed(outcome string) { m.tokens.refreshes.WithLabelValues(outcome).Inc() }

// ReuseDetected records the reuse of a superseded refresh token.
func (m *Metrics) ReuseDetected() { m.tokens.reuses.Inc() }

// Issued records an access token that was signed.
func (m *Metrics) Issued(call, algorithm string) {
	m.tokens.issued.WithLabelValues(call, algorithm).Inc()
}

// SessionChecked records a request about which a gateway asked, by its outcome.
func (m *Metrics) SessionChecked(outcome string) { m.checks.WithLabelValues(outcome).Inc() }

// FeedSigned records a segment of the feed of revocations that was signed.
func (m *Metrics) FeedSigned(segment string) { m.feed.segments.WithLabelValues(segment).Inc() }

// FeedAnswered records a poll of the feed of revocations, by its answer.
func (m *Metrics) FeedAnswered(answer string) { m.feed.answers.WithLabelValues(answer).Inc() }

// IssuedFromCache records an access token that was returned from the token
// cache.
func (m *Metrics) IssuedFromCache(call, algorithm string) {
	m.tokens.cached.WithLabelValues(call, algorithm).Inc()
}

// Revoked records an operation that ended grants.
func (m *Metrics) Revoked(reason string) { m.tokens.revocations.WithLabelValues(reason).Inc() }

// Audited records an audit event. err is the error of writing it, or nil.
func (m *Metrics) Audited(event string, err error) {
	m.audit.events.WithLabelValues(event).Inc()
	if err != nil {
		m.audit.failures.Inc()
	}
}

// Signed records the duration of a signature.
func (m *Metrics) Signed(algorithm string, took time.Duration) {
	m.signSeconds.WithLabelValues(algorithm).Observe(took.Seconds())
}

// BatchObserver returns a function that records the sizes of the batches called
// name.
func (m *Metrics) BatchObserver(name string) func(size int) {
	sizes := m.batchSizes.WithLabelValues(name)
	return func(size int) { sizes.Observe(float64(size)) }
}

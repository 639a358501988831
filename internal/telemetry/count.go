package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// prepare makes the series that are known beforehand, so that they begin at zero: of one that appears with its first event,
// a rate misses that event.
func (m *Metrics) prepare() {
	m.logins.WithLabelValues("success", "")
	for _, reason := range []string{
		"unknown_user", "wrong_password", "user_disabled", "changed_meanwhile", "throttled_account", "throttled_device", "throttled_address",
	} {
		m.logins.WithLabelValues("failure", reason)
	}
	for _, outcome := range []string{
		"moved", "repeated", "second_tab", "ahead", "reused", "other_client", "suspended", "revoked", "expired", "missing", "late",
		"invalid", "unknown_key", "unavailable",
	} {
		m.refreshes.WithLabelValues(outcome)
	}
	for _, reason := range []string{"client", "reuse", "admin", "password_change", "deletion"} {
		m.revocations.WithLabelValues(reason)
	}
}

// Call returns what counts the calls of one gRPC method: began and, with the code and the time it took, ended. Who serves
// the method asks once.
func (m *Metrics) Call(service, method, kind string) (began func(), ended func(code string, took time.Duration)) {
	labels := prometheus.Labels{"grpc_service": service, "grpc_method": method, "grpc_type": kind}
	started, seconds := m.callsStarted.With(labels), m.callSeconds.With(labels)
	handled := m.callsHandled.MustCurryWith(labels)
	good := handled.WithLabelValues("OK")
	return started.Inc, func(code string, took time.Duration) {
		if code == "OK" {
			good.Inc()
		} else {
			handled.WithLabelValues(code).Inc()
		}
		seconds.Observe(took.Seconds())
	}
}

// unmatched is the handler of requests that nothing is served at.
const unmatched = "unmatched"

// Request counts one HTTP request. handler is the route that serves it, empty for none; a request's own path would make
// series without end, and so would its method.
func (m *Metrics) Request(handler, method, code string, took time.Duration) {
	if handler == "" {
		handler = unmatched
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		method = "other"
	}
	m.requests.WithLabelValues(handler, method, code).Inc()
	m.requestTime.WithLabelValues(handler, method).Observe(took.Seconds())
}

// Login counts a login that was let in or refused; reason is empty for success, else one of our own words.
func (m *Metrics) Login(reason string) {
	result := "success"
	if reason != "" {
		result = "failure"
	}
	m.logins.WithLabelValues(result, reason).Inc()
}

// Refreshed counts what became of a refresh token.
func (m *Metrics) Refreshed(outcome string) { m.refreshes.WithLabelValues(outcome).Inc() }

// Reused counts a refresh token that was caught.
func (m *Metrics) Reused() { m.reuses.Inc() }

// Issued counts an access token that was signed.
func (m *Metrics) Issued(call, algorithm string) { m.issued.WithLabelValues(call, algorithm).Inc() }

// Repeated counts an access token that was given again.
func (m *Metrics) Repeated(call, algorithm string) { m.repeated.WithLabelValues(call, algorithm).Inc() }

// Revoked counts an act that ended grants.
func (m *Metrics) Revoked(reason string) { m.revocations.WithLabelValues(reason).Inc() }

// Audited counts an audit event, and whether it could be written.
func (m *Metrics) Audited(event string, err error) {
	m.events.WithLabelValues(event).Inc()
	if err != nil {
		m.auditFailures.Inc()
	}
}

// Signed counts a signature.
func (m *Metrics) Signed(algorithm string, took time.Duration) {
	m.signSeconds.WithLabelValues(algorithm).Observe(took.Seconds())
}

// Batch returns what counts the sizes of the batches of one name.
func (m *Metrics) Batch(name string) func(size int) {
	sizes := m.batchSizes.WithLabelValues(name)
	return func(size int) { sizes.Observe(float64(size)) }
}

package telemetry

import "github.com/prometheus/client_golang/prometheus"

// requestBuckets are the upper bounds of the buckets for the durations of gRPC
// calls and HTTP requests, in seconds. Their time limit is one minute.
var requestBuckets = []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

type grpcMetrics struct {
	started *prometheus.CounterVec
	handled *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func newGRPCMetrics(d *definer) grpcMetrics {
	labels := []string{"grpc_service", "grpc_method", "grpc_type"}
	return grpcMetrics{
		started: d.counterVec("grpc_server_started_total", "gRPC calls that were started.", labels...),
		handled: d.counterVec("grpc_server_handled_total", "gRPC calls that were completed, by status code.",
			"grpc_service", "grpc_method", "grpc_type", "grpc_code"),
		seconds: d.histogramVec("grpc_server_handling_seconds", "Duration of gRPC calls in seconds. "+
			"That of Poll includes the wait of the verifier.",
			requestBuckets, labels...),
	}
}

type httpMetrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newHTTPMetrics(d *definer) httpMetrics {
	return httpMetrics{
		requests: d.counterVec("http_requests_total",
			"HTTP requests at http.address and gateway.address, by route, method and status code. "+
				"The handler unmatched stands for paths without a route.",
			"handler", "method", "code"),
		seconds: d.histogramVec("http_request_duration_seconds", "Duration of HTTP requests in seconds. "+
			"That of /revocations includes the wait of the verifier.",
			requestBuckets, "handler", "method"),
	}
}

type tokenMetrics struct {
	logins      *prometheus.CounterVec
	refreshes   *prometheus.CounterVec
	reuses      prometheus.Counter
	issued      *prometheus.CounterVec
	cached      *prometheus.CounterVec
	revocations *prometheus.CounterVec
}

func newTokenMetrics(d *definer) tokenMetrics {
	m := tokenMetrics{
		logins: d.counterVec("signet_logins_total",
			"Logins: result is success or failure, reason is why a login failed, as in the audit event login.failed. "+
				"Callers do not learn the reason.",
			"result", "reason"),
		refreshes: d.counterVec("signet_refreshes_total",
			"Refresh attempts by outcome: the rows of the tables in docs/protocol.md; "+
				"invalid and unknown_key for tokens that were rejected without the store; "+
				"unavailable if the outcome is unknown, or if the attempt did not reach the store.",
			"outcome"),
		reuses: d.counter("signet_refresh_reuse_detected_total",
			"Superseded refresh tokens that were used again. Each one revoked its grant."),
		issued: d.counterVec("signet_tokens_issued_total", "Access tokens that were signed, by call and algorithm.",
			"call", "alg"),
		cached: d.counterVec("signet_tokens_repeated_total",
			"Access tokens that were returned from the token cache without a new signature, by call and algorithm. "+
				"Only audiences that allow it use the cache.",
			"call", "alg"),
		revocations: d.counterVec("signet_revocations_total",
			"Operations that ended grants, by reason: client, reuse, admin, password_change, deletion or limit. "+
				"One operation may end many grants, such as all grants of a user.",
			"reason"),
	}
	m.createSeries()
	return m
}

// createSeries creates the series with known labels, so that they start at
// zero. The rate of a series that appears with its first event misses that
// event.
func (m tokenMetrics) createSeries() {
	m.logins.WithLabelValues("success", "")
	for _, reason := range []string{
		"unknown_user", "wrong_password", "user_disabled", "changed_meanwhile", "throttled_account", "throttled_device",
		"throttled_address", "throttled_logins",
	} {
		m.logins.WithLabelValues("failure", reason)
	}
	// These are grant.Outcomes. A test of internal/app compares them.
	for _, outcome := range []string{
		"rotated", "current", "retried", "within_leeway", "ahead", "reused", "other_client", "suspended", "revoked",
		"expired", "missing", "unchecked", "late", "invalid", "unknown_key", "unavailable",
	} {
		m.refreshes.WithLabelValues(outcome)
	}
	for _, reason := range []string{"client", "reuse", "admin", "password_change", "deletion", "limit"} {
		m.revocations.WithLabelValues(reason)
	}
}

func newSessionChecks(d *definer) *prometheus.CounterVec {
	checks := d.counterVec("signet_session_checks_total",
		"Requests about which gateways asked, by outcome: passed with the access token of the session (session), "+
			"with the one that the request had (token) or without any (none); no login (login_required); "+
			"an origin, a site or an audience that is not allowed (forbidden); not decidable (unavailable).",
		"outcome")
	// These are browser.CheckOutcomes. A test of internal/app compares them.
	for _, outcome := range []string{"session", "token", "none", "login_required", "forbidden", "unavailable"} {
		checks.WithLabelValues(outcome)
	}
	return checks
}

type feedRecords struct{ segments, answers *prometheus.CounterVec }

func newFeedRecords(d *definer) feedRecords {
	m := feedRecords{
		segments: d.counterVec("signet_revocations_segments_signed_total",
			"Segments of the feed of revocations that were signed: with new revocations (news), "+
				"with none (heartbeat), or with all of them (full).",
			"segment"),
		answers: d.counterVec("signet_revocations_polls_total",
			"Polls of the feed of revocations, by answer: new revocations (news), none (unchanged), "+
				"all of them (full), none because too many polls waited (delayed), or an error (refused).",
			"answer"),
	}
	// These are the values of feed.Observer. A test of internal/app compares
	// them.
	for _, segment := range []string{"news", "heartbeat", "full"} {
		m.segments.WithLabelValues(segment)
	}
	for _, answer := range []string{"news", "unchanged", "full", "delayed", "refused"} {
		m.answers.WithLabelValues(answer)
	}
	return m
}

type auditMetrics struct {
	events   *prometheus.CounterVec
	failures prometheus.Counter
}

func newAuditMetrics(d *definer) auditMetrics {
	return auditMetrics{
		events: d.counterVec("signet_audit_events_total", "Audit events, by name.", "event"),
		failures: d.counter("signet_audit_failures_total",
			"Audit events that could not be written. The requests that caused them failed."),
	}
}

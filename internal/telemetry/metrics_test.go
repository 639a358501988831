package telemetry

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

var update = flag.Bool("update", false, "rewrite docs/metrics.md")

// allSources provides a value for every sampled metric.
var allSources = Sources{
	Ring: func() Ring {
		return Ring{
			Version: 7, Age: 250 * time.Millisecond, Keys: map[KeyState]int{{"RS256", "active"}: 1},
			NextTransition: map[KeyState]time.Duration{{"RS256", "deactivated"}: time.Hour}, SignaturesWaiting: 4,
		}
	},
	Feed: func() Feed {
		return Feed{Entries: 12, Waiting: 3, MaxWaiting: 100, Position: 40, Age: 150 * time.Millisecond}
	},
	Hashing: func() Hashing { return Hashing{Budget: 256 << 20, InUse: 19 << 20, Waiting: 3, Hashes: 11, Refused: 2} },
	Pool: func() Pool {
		return Pool{Max: 16, Acquired: 2, Idle: 3, Acquires: 100, Waits: 4, Waited: 1500 * time.Millisecond}
	},
	Sessions: func() int { return 3 },
	Listeners: func() []Listener {
		refused := map[string]uint64{"address": 8}
		return []Listener{{
			Name: "grpc", MaxConnections: 1024, Connections: 6, Refused: refused,
			Requests: Requests{Max: 2048, Open: 5, Waiting: 2, Ended: map[string]uint64{"displaced": 9}},
		}}
	},
	DroppedLogLines:     func() uint64 { return 3 },
	CertificateValidFor: func() time.Duration { return 90 * time.Second },
	Sweeper: func() Sweeper {
		return Sweeper{
			Passes: 5, Failures: 1, Removed: map[string]uint64{"grants": 12},
			Grants: map[string]uint64{"live": 10, "revoked": 2},
		}
	},
}

// populated returns metrics that all have at least one series.
func populated() *Metrics {
	m := NewMetrics(Build{Version: "v1.2.3", Revision: "abcdef", Go: "go1.26"})
	started, finished := m.CallObserver("signet.v1.TokenService", "Login", "unary")
	started()
	finished("Unauthenticated", 30*time.Millisecond)
	m.Request("/livez", "GET", "200", time.Millisecond)
	m.Request("", "BREW", "404", time.Millisecond)
	m.Login("wrong_password")
	m.Refreshed("rotated")
	m.ReuseDetected()
	m.Issued("login", "RS256")
	m.IssuedFromCache("mint", "RS256")
	m.Revoked("reuse")
	m.FeedSigned("news")
	m.FeedAnswered("full")
	m.SessionChecked("session")
	m.Audited("login.failed", nil)
	m.Audited("login.failed", errors.New("the disk is full"))
	m.Signed("ES256", 40*time.Microsecond)
	m.BatchObserver("refresh")(17)
	m.SetSources(allSources)
	return m
}

// scrape reads the metrics as Prometheus does, with its own parser.
func scrape(t *testing.T, m *Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	server := httptest.NewServer(m.Handler())
	defer server.Close()
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%d %v: %s", response.StatusCode, err, text)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(text)))
	if err != nil {
		t.Fatalf("Prometheus's parser: %v\n%s", err, text)
	}
	return families
}

// A scrape returns exactly the defined metrics, with their kinds, help texts
// and labels. Beside them, it returns those of the Go runtime and the process.
func TestScrape_MatchesDefinitions(t *testing.T) {
	m := populated()
	families := scrape(t, m)
	for _, want := range m.definitions {
		got, ok := families[want.name]
		if !ok {
			t.Errorf("%s is not served", want.name)
			continue
		}
		if kind := strings.ToLower(got.GetType().String()); kind != want.kind || got.GetHelp() != want.help {
			t.Errorf("%s is served as a %s: %s", want.name, kind, got.GetHelp())
		}
		var labels []string
		for _, l := range got.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		if defined := slices.Sorted(slices.Values(want.labels)); !slices.Equal(labels, defined) {
			t.Errorf("%s has the labels %q, its definition has %q", want.name, labels, defined)
		}
		delete(families, want.name)
	}
	for name := range families {
		if !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			t.Errorf("%s is served but not defined", name)
		}
	}
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes", "process_open_fds"} {
		if families[name] == nil {
			t.Errorf("%s is not served", name)
		}
	}
}

// The definitions follow the naming conventions of Prometheus, and no label has
// an unbounded set of values.
func TestDefinitions_FollowConventions(t *testing.T) {
	wellFormed := regexp.MustCompile(`^(signet|grpc_server|http)_[a-z_]+$`)
	unbounded := []string{"user", "username", "subject", "sub", "client_id", "kid", "ip", "grant", "path"}
	for _, m := range populated().definitions {
		if !wellFormed.MatchString(m.name) || !strings.HasSuffix(m.help, ".") {
			t.Errorf("%s: %s", m.name, m.help)
		}
		if strings.HasSuffix(m.name, "_total") != (m.kind == counter) {
			t.Errorf("%s is a %s", m.name, m.kind)
		}
		for _, label := range m.labels {
			if slices.Contains(unbounded, label) {
				t.Errorf("%s has the unbounded label %s", m.name, label)
			}
		}
	}
}

// A scrape returns the recorded values. One value of each kind is checked.
func TestScrape_ReturnsRecordedValues(t *testing.T) {
	families := scrape(t, populated())
	value := func(name string, labels ...string) float64 {
		for _, m := range families[name].GetMetric() {
			var got []string
			for _, l := range m.GetLabel() {
				got = append(got, l.GetName()+"="+l.GetValue())
			}
			if strings.Join(got, ",") == strings.Join(labels, ",") {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
		return -1
	}
	for _, c := range []struct {
		want   float64
		name   string
		labels []string
	}{
		{1, "signet_logins_total", []string{"reason=wrong_password", "result=failure"}},
		{0, "signet_logins_total", []string{"reason=unknown_user", "result=failure"}},
		{0, "signet_refreshes_total", []string{"outcome=within_leeway"}},
		{1, "http_requests_total", []string{"code=404", "handler=unmatched", "method=other"}},
		{1, "grpc_server_handled_total", []string{
			"grpc_code=Unauthenticated", "grpc_method=Login", "grpc_service=signet.v1.TokenService", "grpc_type=unary",
		}},
		{2, "signet_audit_events_total", []string{"event=login.failed"}},
		{1, "signet_audit_failures_total", nil},
		{1, "signet_sign_duration_seconds", []string{"alg=ES256"}},
		{1, "signet_batch_size", []string{"batch=refresh"}},
		{0.25, "signet_key_ring_age_seconds", nil},
		{3600, "signet_key_next_transition_seconds", []string{"alg=RS256", "state=deactivated"}},
		{1.5, "signet_store_pool_wait_seconds_total", nil},
		{2, "signet_grants", []string{"state=revoked"}},
		{1, "signet_build_info", []string{"goversion=go1.26", "revision=abcdef", "version=v1.2.3"}},
	} {
		if got := value(c.name, c.labels...); got != c.want {
			t.Errorf("%s%q is %v, want %v", c.name, c.labels, got, c.want)
		}
	}
}

// A server that still waits for its database can be scraped.
func TestScrape_WithoutSources(t *testing.T) {
	m := NewMetrics(Build{})
	if scrape(t, m)["signet_key_ring_version"] != nil {
		t.Error("the version of the key ring is served without a source")
	}
	m.SetSources(Sources{})
	scrape(t, m)
}

func TestMetrics_RecordingDoesNotAllocate(t *testing.T) {
	m := populated()
	started, finished := m.CallObserver("signet.v1.TokenService", "Refresh", "unary")
	batch := m.BatchObserver("refresh")
	finished("OK", time.Millisecond)
	if n := testing.AllocsPerRun(100, func() {
		started()
		finished("OK", time.Millisecond)
		m.Request("/livez", "GET", "200", time.Millisecond)
		m.Login("wrong_password")
		m.Refreshed("rotated")
		m.Issued("login", "RS256")
		m.IssuedFromCache("mint", "RS256")
		m.Audited("login.failed", nil)
		m.Signed("ES256", time.Microsecond)
		batch(3)
	}); n != 0 {
		t.Errorf("recording allocates %v times", n)
	}
}

// metricsDocument returns docs/metrics.md.
func metricsDocument(definitions []definition) string {
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(`# Metrics

This page lists the metrics for operators who monitor Signet. '/metrics' on 'ops.address' serves them in the formats of
Prometheus, together with the metrics of the Go runtime ('go_…') and of the process ('process_…').

A histogram has the series '…_bucket', '…_sum' and '…_count'. No label contains a value that callers can choose, such as
a name, an address or a path.

There is a dashboard in [grafana-dashboard.json](grafana-dashboard.json), and there are alert rules in
[prometheus-alerts.yaml](prometheus-alerts.yaml).

This page is generated: 'go test ./internal/telemetry -run Document -update'.

| metric | kind | labels | meaning |
|---|---|---|---|
`, "'", "`"))
	for _, m := range definitions {
		labels := ""
		if len(m.labels) > 0 {
			labels = "`" + strings.Join(m.labels, "` `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.name, m.kind, labels, m.help)
	}
	return b.String()
}

func TestMetricsDocument_IsCurrent(t *testing.T) {
	const path = "../../docs/metrics.md"
	want := metricsDocument(NewMetrics(Build{}).definitions)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s is out of date (%v): go test ./internal/telemetry -run Document -update", path, err)
	}
}

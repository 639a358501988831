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

var update = flag.Bool("update", false, "write docs/metrics.md anew")

// everySource answers with something for every sampled metric.
var everySource = Sources{
	Ring: func() Ring {
		return Ring{
			Version: 7, Age: 250 * time.Millisecond, Keys: map[KeyState]int{{"RS256", "active"}: 1},
			Next: map[KeyState]time.Duration{{"RS256", "deactivated"}: time.Hour},
		}
	},
	Hashing: func() Hashing { return Hashing{Budget: 256 << 20, InUse: 19 << 20, Waiting: 3, Hashes: 11, Refused: 2} },
	Pool: func() Pool {
		return Pool{Max: 16, Acquired: 2, Idle: 3, Acquires: 100, Waits: 4, Waited: 1500 * time.Millisecond}
	},
	CertificateLeft: func() time.Duration { return 90 * time.Second },
	Sweeper: func() Sweeper {
		return Sweeper{
			Passes: 5, Failures: 1, Removed: map[string]uint64{"grants": 12}, Grants: map[string]uint64{"live": 10, "revoked": 2},
		}
	},
}

// touched returns metrics each of which has a series.
func touched() *Metrics {
	m := NewMetrics(Build{Version: "v1.2.3", Revision: "abcdef", Go: "go1.26"})
	began, ended := m.Call("signet.v1.TokenService", "Login", "unary")
	began()
	ended("Unauthenticated", 30*time.Millisecond)
	m.Request("/livez", "GET", "200", time.Millisecond)
	m.Request("", "BREW", "404", time.Millisecond)
	m.Login("wrong_password")
	m.Refreshed("moved")
	m.Reused()
	m.Issued("login", "RS256")
	m.Repeated("mint", "RS256")
	m.Revoked("reuse")
	m.Audited("login.failed", nil)
	m.Audited("login.failed", errors.New("the disk is full"))
	m.Signed("ES256", 40*time.Microsecond)
	m.Batch("refresh")(17)
	m.Watch(everySource)
	return m
}

// scrape asks for the metrics as Prometheus does and reads them with Prometheus's own parser.
func scrape(t *testing.T, m *Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	server := httptest.NewServer(m.Handler())
	defer server.Close()
	answer, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%d %v: %s", answer.StatusCode, err, text)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(text)))
	if err != nil {
		t.Fatalf("Prometheus's parser: %v\n%s", err, text)
	}
	return families
}

// TestRegistryHasTheList: what is served is what the list says, with its kind, help and labels, and nothing else beside what
// the runtime and the process tell of themselves.
func TestRegistryHasTheList(t *testing.T) {
	m := touched()
	families := scrape(t, m)
	for _, want := range m.List() {
		got, ok := families[want.Name]
		if !ok {
			t.Errorf("%s is not served", want.Name)
			continue
		}
		if kind := strings.ToLower(got.GetType().String()); kind != want.Kind || got.GetHelp() != want.Help {
			t.Errorf("%s is served as a %s: %s", want.Name, kind, got.GetHelp())
		}
		var labels []string
		for _, l := range got.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		if listed := slices.Sorted(slices.Values(want.Labels)); !slices.Equal(labels, listed) {
			t.Errorf("%s has the labels %q, the list says %q", want.Name, labels, listed)
		}
		delete(families, want.Name)
	}
	for name := range families {
		if !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			t.Errorf("%s is served and not on the list", name)
		}
	}
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes", "process_open_fds"} {
		if families[name] == nil {
			t.Errorf("%s is not served", name)
		}
	}
}

// TestListIsInGoodForm holds the list against the habits of Prometheus.
func TestListIsInGoodForm(t *testing.T) {
	for _, m := range touched().List() {
		if !regexp.MustCompile(`^(signet|grpc_server|http)_[a-z_]+$`).MatchString(m.Name) || !strings.HasSuffix(m.Help, ".") {
			t.Errorf("%s: %s", m.Name, m.Help)
		}
		if strings.HasSuffix(m.Name, "_total") != (m.Kind == Counter) {
			t.Errorf("%s is a %s", m.Name, m.Kind)
		}
		for _, label := range m.Labels {
			if slices.Contains([]string{"user", "username", "subject", "sub", "client_id", "kid", "ip", "grant", "path"}, label) {
				t.Errorf("%s has the label %s, which has no bound", m.Name, label)
			}
		}
	}
}

// TestValuesArrive looks at one value of each kind.
func TestValuesArrive(t *testing.T) {
	families := scrape(t, touched())
	value := func(name string, labels ...string) float64 {
		for _, m := range families[name].GetMetric() {
			var have []string
			for _, l := range m.GetLabel() {
				have = append(have, l.GetName()+"="+l.GetValue())
			}
			if strings.Join(have, ",") == strings.Join(labels, ",") {
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
		{0, "signet_refreshes_total", []string{"outcome=second_tab"}},
		{1, "http_requests_total", []string{"code=404", "handler=unmatched", "method=other"}},
		{1, "grpc_server_handled_total", []string{"grpc_code=Unauthenticated", "grpc_method=Login", "grpc_service=signet.v1.TokenService", "grpc_type=unary"}},
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

// TestWithoutSources: a server that waits for its database is scraped too.
func TestWithoutSources(t *testing.T) {
	m := NewMetrics(Build{})
	if scrape(t, m)["signet_key_ring_version"] != nil {
		t.Error("there is a ring before there is one")
	}
	m.Watch(Sources{})
	scrape(t, m)
}

func TestCountingTakesNoMemory(t *testing.T) {
	m := touched()
	began, ended := m.Call("signet.v1.TokenService", "Refresh", "unary")
	batch := m.Batch("refresh")
	ended("OK", time.Millisecond)
	if n := testing.AllocsPerRun(100, func() {
		began()
		ended("OK", time.Millisecond)
		m.Request("/livez", "GET", "200", time.Millisecond)
		m.Login("wrong_password")
		m.Refreshed("moved")
		m.Issued("login", "RS256")
		m.Repeated("mint", "RS256")
		m.Audited("login.failed", nil)
		m.Signed("ES256", time.Microsecond)
		batch(3)
	}); n != 0 {
		t.Errorf("counting allocates %v times", n)
	}
}

// metricsDocument is the list as a page for people.
func metricsDocument(list []Metric) string {
	var b strings.Builder
	b.WriteString(`# Metrics

What ` + "`/metrics`" + ` on ` + "`ops.address`" + ` tells, in the formats of Prometheus. Beside these it has those of the Go runtime (` + "`go_…`" + `) and of
the process (` + "`process_…`" + `). A histogram has the series ` + "`…_bucket`, `…_sum` and `…_count`" + `. No label holds anything that a caller
can make up, such as a name, an address or a path. The dashboard is
[grafana-dashboard.json](grafana-dashboard.json), and what to be woken for is in [prometheus-alerts.yaml](prometheus-alerts.yaml).

This page is made from the program's own list: ` + "`go test ./internal/telemetry -run Document -update`" + `.

| metric | kind | labels | what it tells |
|---|---|---|---|
`)
	for _, m := range list {
		labels := ""
		if len(m.Labels) > 0 {
			labels = "`" + strings.Join(m.Labels, "` `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Kind, labels, m.Help)
	}
	return b.String()
}

func TestDocument(t *testing.T) {
	const path = "../../docs/metrics.md"
	want := metricsDocument(NewMetrics(Build{}).List())
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s is not made from the list of now (%v): go test ./internal/telemetry -run Document -update", path, err)
	}
}

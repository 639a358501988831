package telemetry

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What an expression of PromQL is made of, as far as names matter.
var (
	promString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	promRange  = regexp.MustCompile(`\[[^\]]*\]`)
	promByList = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	promName   = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\{[^}]*\}|\()?`)
	promLabel  = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)\s*(?:=~|!~|!=|=)`)
)

// An expression is the names in one expression of PromQL: the metrics, each with the labels that pick its series, and the
// labels by which it groups.
type expression struct {
	metrics map[string][]string
	groups  []string
}

// parsePromQL reads the names in an expression. It knows the functions and words that ours use, and takes every other name
// for a metric.
func parsePromQL(text string) expression {
	words := []string{"sum", "max", "min", "count", "rate", "increase", "histogram_quantile", "unless", "and", "or", "label_values"}
	e := expression{metrics: map[string][]string{}}
	text = promRange.ReplaceAllString(promString.ReplaceAllString(text, ""), "")
	for _, by := range promByList.FindAllStringSubmatch(text, -1) {
		for label := range strings.SplitSeq(by[1], ",") {
			e.groups = append(e.groups, strings.TrimSpace(label))
		}
	}
	text = promByList.ReplaceAllString(text, "")
	for _, name := range promName.FindAllStringSubmatch(text, -1) {
		if slices.Contains(words, name[1]) {
			continue
		}
		labels := e.metrics[name[1]]
		for _, l := range promLabel.FindAllStringSubmatch(name[2], -1) {
			labels = append(labels, l[1])
		}
		e.metrics[name[1]] = labels
	}
	return e
}

// faults says what an expression names that the program does not have. every is what a scrape gives, by name, with its
// labels.
func (e expression) faults(every map[string][]string) (faults []string) {
	added := []string{"job", "instance"} // by Prometheus
	var all []string
	for name, labels := range e.metrics {
		base := name
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if _, ok := every[base]; !ok {
				base = strings.TrimSuffix(name, suffix)
			}
		}
		have, ok := every[base]
		if !ok {
			faults = append(faults, "there is no metric "+name)
			continue
		}
		have = slices.Concat(have, added)
		if strings.HasSuffix(name, "_bucket") {
			have = append(have, "le")
		}
		for _, l := range labels {
			if !slices.Contains(have, l) {
				faults = append(faults, name+" has no label "+l)
			}
		}
		all = append(all, have...)
	}
	for _, l := range e.groups {
		if !slices.Contains(all, l) {
			faults = append(faults, "nothing in it has the label "+l)
		}
	}
	if len(e.metrics) == 0 {
		faults = append(faults, "it names no metric")
	}
	return faults
}

// everyMetric returns what a scrape gives, by name, with the labels.
func everyMetric(t *testing.T) map[string][]string {
	t.Helper()
	every := map[string][]string{}
	for name, family := range scrape(t, touched()) {
		var labels []string
		for _, l := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		every[name] = labels
	}
	return every
}

func TestParsePromQLFindsFaults(t *testing.T) {
	every := everyMetric(t)
	for text, want := range map[string]string{
		`sum by (grpc_method) (rate(grpc_server_handled_total{job="x",grpc_code!="OK"}[5m]))`:                        "",
		`histogram_quantile(0.99, sum by (le) (rate(grpc_server_handling_seconds_bucket[$__rate_interval]))) > 0.25`: "",
		`signet_keys{state="active"} unless on (alg) (signet_keys{state="pre-active"} > 0)`:                          "",
		`rate(signet_batch_size_sum[5m]) / rate(signet_batch_size_count[5m])`:                                        "",
		`rate(signet_login_total[5m])`:                                  "there is no metric signet_login_total",
		`sum(rate(signet_logins_total{outcome="failure"}[5m]))`:         "signet_logins_total has no label outcome",
		`sum by (reasn) (rate(signet_logins_total[5m]))`:                "nothing in it has the label reasn",
		`histogram_quantile(0.99, rate(signet_batch_size_buckets[5m]))`: "there is no metric signet_batch_size_buckets",
		`1 + 1`: "it names no metric",
	} {
		if got := strings.Join(parsePromQL(text).faults(every), "; "); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// TestDashboard: every expression of the dashboard names metrics and labels that a scrape gives, and every metric of ours is
// on it.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("../../docs/grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Name, Type, Query string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	every, shown := everyMetric(t), map[string]bool{}
	check := func(where, text string) {
		e := parsePromQL(text)
		for _, fault := range e.faults(every) {
			t.Errorf("%s: %s: %s", where, fault, text)
		}
		for name := range e.metrics {
			shown[name] = true
		}
	}
	panels := 0
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			check(p.Title, target.Expr)
			panels++
		}
	}
	if panels < 30 {
		t.Errorf("the dashboard has %d expressions", panels)
	}
	for _, v := range board.Templating.List {
		if v.Type == "query" {
			query := strings.TrimSuffix(strings.TrimPrefix(v.Query, "label_values("), ")")
			check("the variable "+v.Name, query[:strings.LastIndex(query, ",")])
		}
	}
	for _, m := range touched().List() {
		if !shown[m.Name] && !shown[m.Name+"_bucket"] && !shown[m.Name+"_sum"] {
			t.Errorf("no panel shows %s", m.Name)
		}
	}
}

// TestAlerts: so do the alerts.
func TestAlerts(t *testing.T) {
	text, err := os.ReadFile("../../docs/prometheus-alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	every, alerts := everyMetric(t), 0
	rule := regexp.MustCompile(`(?m)^      - alert: (\w+)\n        expr: (?:\|\n((?:          .*\n)+)|(.*)\n)`)
	for _, r := range rule.FindAllStringSubmatch(string(text), -1) {
		alerts++
		for _, fault := range parsePromQL(r[2] + r[3]).faults(every) {
			t.Errorf("%s: %s", r[1], fault)
		}
	}
	if want := strings.Count(string(text), "alert:"); alerts != want || alerts < 10 {
		t.Errorf("%d of %d alerts were read", alerts, want)
	}
}

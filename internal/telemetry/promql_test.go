package telemetry

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The parts of a PromQL expression that are needed to find its names.
var (
	promString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	promRange  = regexp.MustCompile(`\[[^\]]*\]|\boffset \w+`)
	promByList = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	promName   = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\{[^}]*\}|\()?`)
	promLabel  = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)\s*(?:=~|!~|!=|=)`)
)

// expression has the names in one PromQL expression.
type expression struct {
	metrics map[string][]string // the labels of the selector of each metric
	groups  []string            // labels in by, without, on and similar clauses
}

// parsePromQL returns the names in an expression. It recognizes only the
// functions and keywords that Signet's expressions use. Every other name counts
// as a metric.
func parsePromQL(text string) expression {
	keywords := []string{
		"sum", "max", "min", "count", "rate", "increase", "histogram_quantile", "unless", "and", "or", "scalar",
		"group_left", "label_values",
	}
	e := expression{metrics: map[string][]string{}}
	text = promRange.ReplaceAllString(promString.ReplaceAllString(text, ""), "")
	for _, by := range promByList.FindAllStringSubmatch(text, -1) {
		for label := range strings.SplitSeq(by[1], ",") {
			e.groups = append(e.groups, strings.TrimSpace(label))
		}
	}
	text = promByList.ReplaceAllString(text, "")
	for _, name := range promName.FindAllStringSubmatch(text, -1) {
		if slices.Contains(keywords, name[1]) {
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

// faults returns a message for each name in the expression that does not exist.
// served has the labels of all metrics of a scrape.
func (e expression) faults(served map[string][]string) (faults []string) {
	added := []string{"job", "instance"} // by Prometheus
	var all []string
	for name, labels := range e.metrics {
		base := name
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if _, ok := served[base]; !ok {
				base = strings.TrimSuffix(name, suffix)
			}
		}
		have, ok := served[base]
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
			faults = append(faults, "no metric has the label "+l)
		}
	}
	if len(e.metrics) == 0 {
		faults = append(faults, "it names no metric")
	}
	return faults
}

// servedMetrics returns the labels of all metrics of a scrape.
func servedMetrics(t *testing.T) map[string][]string {
	t.Helper()
	served := map[string][]string{}
	for name, family := range scrape(t, populated()) {
		var labels []string
		for _, l := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		served[name] = labels
	}
	return served
}

func TestParsePromQL_FindsUnknownNames(t *testing.T) {
	served := servedMetrics(t)
	for _, c := range []struct{ text, want string }{
		{`sum by (grpc_method) (rate(grpc_server_handled_total{job="x",grpc_code!="OK"}[5m]))`, ""},
		{
			`histogram_quantile(0.99, sum by (le) (rate(grpc_server_handling_seconds_bucket[$__rate_interval]))) > 0.25`,
			"",
		},
		{`signet_keys{state="active"} unless on (alg) (signet_keys{state="pre-active"} > 0)`, ""},
		{`rate(signet_batch_size_sum[5m]) / rate(signet_batch_size_count[5m])`, ""},
		{`signet_keys < on (job) group_left max by (job) (signet_keys offset 30s)`, ""},
		{`rate(signet_login_total[5m])`, "there is no metric signet_login_total"},
		{`sum(rate(signet_logins_total{outcome="failure"}[5m]))`, "signet_logins_total has no label outcome"},
		{`sum by (reasn) (rate(signet_logins_total[5m]))`, "no metric has the label reasn"},
		{
			`histogram_quantile(0.99, rate(signet_batch_size_buckets[5m]))`,
			"there is no metric signet_batch_size_buckets",
		},
		{`1 + 1`, "it names no metric"},
	} {
		if got := strings.Join(parsePromQL(c.text).faults(served), "; "); got != c.want {
			t.Errorf("%s: %q, want %q", c.text, got, c.want)
		}
	}
}

// Every expression of the dashboard uses only metrics and labels that a scrape
// returns. Every metric of Signet is on the dashboard.
func TestDashboard_NamesExist(t *testing.T) {
	text, err := os.ReadFile("../../docs/grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Name, Type, Query string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	served, shown := servedMetrics(t), map[string]bool{}
	check := func(where, text string) {
		e := parsePromQL(text)
		for _, fault := range e.faults(served) {
			t.Errorf("%s: %s: %s", where, fault, text)
		}
		for name := range e.metrics {
			shown[name] = true
		}
	}
	expressions := 0
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			check(p.Title, target.Expr)
			expressions++
		}
	}
	if expressions < 30 {
		t.Errorf("the dashboard has %d expressions", expressions)
	}
	for _, v := range dashboard.Templating.List {
		if v.Type == "query" {
			query := strings.TrimSuffix(strings.TrimPrefix(v.Query, "label_values("), ")")
			check("the variable "+v.Name, query[:strings.LastIndex(query, ",")])
		}
	}
	for _, m := range populated().definitions {
		if !shown[m.name] && !shown[m.name+"_bucket"] && !shown[m.name+"_sum"] {
			t.Errorf("no panel shows %s", m.name)
		}
	}
}

// Every alert uses only metrics and labels that a scrape returns.
func TestAlerts_NamesExist(t *testing.T) {
	text, err := os.ReadFile("../../docs/prometheus-alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	served, alerts := servedMetrics(t), 0
	rule := regexp.MustCompile(`(?m)^      - alert: (\w+)\n        expr: (?:\|\n((?:          .*\n)+)|(.*)\n)`)
	for _, r := range rule.FindAllStringSubmatch(string(text), -1) {
		alerts++
		for _, fault := range parsePromQL(r[2] + r[3]).faults(served) {
			t.Errorf("%s: %s", r[1], fault)
		}
	}
	if want := strings.Count(string(text), "alert:"); alerts != want || alerts < 10 {
		t.Errorf("%d of %d alerts were read", alerts, want)
	}
}

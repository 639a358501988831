package telemetry

import "github.com/prometheus/client_golang/prometheus"

// What a metric is.
const (
	Counter   = "counter"
	Gauge     = "gauge"
	Histogram = "histogram"
)

// A Metric is one entry of the list.
type Metric struct {
	Name, Kind, Help string
	Labels           []string
}

// A lister makes metrics, registers them and keeps the list.
type lister struct {
	registry *prometheus.Registry
	list     []Metric
}

// note puts an entry on the list. A second one of the same name is a fault of the program, as registering shows.
func (l *lister) note(name, kind, help string, labels []string) {
	l.list = append(l.list, Metric{Name: name, Kind: kind, Help: help, Labels: labels})
}

func (l *lister) counters(name, help string, labels ...string) *prometheus.CounterVec {
	l.note(name, Counter, help, labels)
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	l.registry.MustRegister(v)
	return v
}

func (l *lister) counter(name, help string) prometheus.Counter {
	return l.counters(name, help).WithLabelValues()
}

func (l *lister) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	l.note(name, Gauge, help, labels)
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	l.registry.MustRegister(v)
	return v
}

func (l *lister) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	l.note(name, Histogram, help, labels)
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	l.registry.MustRegister(v)
	return v
}

// sample lists a metric whose value is asked for at each scrape.
func (l *lister) sample(name, kind, help string, labels ...string) sample {
	l.note(name, kind, help, labels)
	value := prometheus.GaugeValue
	if kind == Counter {
		value = prometheus.CounterValue
	}
	return sample{desc: prometheus.NewDesc(name, help, labels, nil), kind: value}
}

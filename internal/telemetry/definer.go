package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Kinds of metrics.
const (
	counter   = "counter"
	gauge     = "gauge"
	histogram = "histogram"
)

// definition describes one metric. The documentation is generated from it.
type definition struct {
	name, kind, help string
	labels           []string
}

// definer creates metrics, registers them, and lists their definitions.
type definer struct {
	registry *prometheus.Registry
	list     []definition
}

// add lists a definition. A name that is already defined makes the registry
// panic, when the metric is registered or at a scrape.
func (d *definer) add(name, kind, help string, labels []string) {
	d.list = append(d.list, definition{name: name, kind: kind, help: help, labels: labels})
}

func (d *definer) counterVec(name, help string, labels ...string) *prometheus.CounterVec {
	d.add(name, counter, help, labels)
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	d.registry.MustRegister(v)
	return v
}

func (d *definer) counter(name, help string) prometheus.Counter {
	return d.counterVec(name, help).WithLabelValues()
}

func (d *definer) gaugeVec(name, help string, labels ...string) *prometheus.GaugeVec {
	d.add(name, gauge, help, labels)
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	d.registry.MustRegister(v)
	return v
}

func (d *definer) histogramVec(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	d.add(name, histogram, help, labels)
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	d.registry.MustRegister(v)
	return v
}

// sampled is a metric whose value is read at each scrape.
type sampled struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

// emitFunc passes the current value of a sampled metric to the registry.
type emitFunc func(m sampled, value float64, labels ...string)

// sampled defines a metric whose value is read at each scrape.
func (d *definer) sampled(name, kind, help string, labels ...string) sampled {
	d.add(name, kind, help, labels)
	value := prometheus.GaugeValue
	if kind == counter {
		value = prometheus.CounterValue
	}
	return sampled{desc: prometheus.NewDesc(name, help, labels, nil), kind: value}
}

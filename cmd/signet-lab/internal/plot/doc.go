// Package plot draws latency distributions as SVG.
package plot

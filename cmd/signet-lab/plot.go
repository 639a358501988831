package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
)

// The plot: shares of operations from left to right, by nines; latency from the bottom up, by powers of ten.
const (
	plotWidth, plotHeight = 720, 400
	plotLeft, plotBottom  = 70, 50
	plotRight, plotTop    = 150, 30
	maxNines              = 4.0
	legendStep            = 32
	innerWidth            = plotWidth - plotLeft - plotRight
	innerHeight           = plotHeight - plotTop - plotBottom
)

var colours = []string{"#1b6ca8", "#c1440e", "#3a7d44", "#7b4b94", "#b8860b", "#444444"}

// writeSVG draws the latency curves of all reports.
func writeSVG(file string, reports []report) error {
	if file == "" {
		return nil
	}
	return os.WriteFile(file, plot(reports), 0o600)
}

// nines returns how far to the right a share stands: 0.9 is one nine, 0.99 two.
func nines(share float64) float64 { return math.Min(-math.Log10(1-share), maxNines) }

func across(share float64) float64 { return plotLeft + nines(share)/maxNines*innerWidth }

// A scale maps milliseconds to the height between two powers of ten.
type scale struct{ low, high float64 }

func newScale(reports []report) scale {
	s := scale{math.Inf(1), math.Inf(-1)}
	for _, r := range reports {
		for _, p := range r.Curve {
			l := math.Log10(math.Max(p.MS, 1e-3))
			s.low, s.high = math.Min(s.low, math.Floor(l)), math.Max(s.high, math.Ceil(l))
		}
	}
	if s.high <= s.low {
		s.high = s.low + 1
	}
	return s
}

func (s scale) up(ms float64) float64 {
	return plotTop + innerHeight*(1-(math.Log10(math.Max(ms, 1e-3))-s.low)/(s.high-s.low))
}

func plot(reports []report) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", plotWidth, plotHeight)
	s := newScale(reports)
	grid(&b, s)
	for i, r := range reports {
		colour := colours[i%len(colours)]
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="2" points="`, colour)
		for _, p := range r.Curve {
			fmt.Fprintf(&b, "%.1f,%.1f ", across(p.Share), s.up(p.MS))
		}
		fmt.Fprintf(&b, `"/>`+"\n"+`<text x="%d" y="%d" fill="%s">%s, %d in flight</text>`+"\n",
			plotWidth-plotRight+8, plotTop+18+legendStep*i, colour, r.Operation, r.InFlight)
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s" font-size="10">%.0f/s</text>`+"\n", plotWidth-plotRight+8, plotTop+30+legendStep*i, colour, r.Rate)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func grid(b *bytes.Buffer, s scale) {
	for l := s.low; l <= s.high; l++ {
		y := s.up(math.Pow(10, l))
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>`, plotLeft, plotWidth-plotRight, y, y)
		fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end">%g ms</text>`+"\n", plotLeft-6, y+4, math.Pow(10, l))
	}
	for _, mark := range []struct {
		share float64
		text  string
	}{{0, "fastest"}, {.5, "p50"}, {.9, "p90"}, {.99, "p99"}, {.999, "p99.9"}, {.9999, "p99.99"}} {
		x := across(mark.share)
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#ddd"/>`, x, x, plotTop, plotHeight-plotBottom)
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x, plotHeight-plotBottom+18, mark.text)
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">share of the operations that took no longer</text>`+"\n",
		plotLeft+innerWidth/2, plotHeight-10)
}

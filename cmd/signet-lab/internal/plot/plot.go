package plot

import (
	"bytes"
	"fmt"
	"math"
	"os"

	"github.com/signetd/signet/cmd/signet-lab/internal/measure"
)

// The horizontal axis shows shares of operations, with the same width for each
// additional nine (0.9, 0.99, 0.999). The vertical axis shows latencies on a
// logarithmic scale.
const (
	width, height       = 720, 400
	leftMargin          = 70
	rightMargin         = 150
	topMargin           = 30
	bottomMargin        = 50
	innerWidth          = width - leftMargin - rightMargin
	innerHeight         = height - topMargin - bottomMargin
	maxNines            = 4.0
	legendX, legendStep = width - rightMargin + 8, 32
)

var colours = []string{"#1b6ca8", "#c1440e", "#3a7d44", "#7b4b94", "#b8860b", "#444444"}

// WriteSVG draws the latency curves of all reports into a file. If file is
// empty, it does nothing.
func WriteSVG(file string, reports []measure.Report) error {
	if file == "" {
		return nil
	}
	return os.WriteFile(file, svg(reports), 0o600)
}

// nines returns how many nines a share has: 1 for 0.9, 2 for 0.99.
func nines(share float64) float64 { return math.Min(-math.Log10(1-share), maxNines) }

// x returns the horizontal position of a share.
func x(share float64) float64 { return leftMargin + nines(share)/maxNines*innerWidth }

// A scale maps milliseconds to vertical positions. It ranges from 10^low to
// 10^high.
type scale struct{ low, high float64 }

// newScale returns the smallest scale that shows all points.
func newScale(reports []measure.Report) scale {
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

// y returns the vertical position of a latency.
func (s scale) y(ms float64) float64 {
	return topMargin + innerHeight*(1-(math.Log10(math.Max(ms, 1e-3))-s.low)/(s.high-s.low))
}

// svg draws the reports.
func svg(reports []measure.Report) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d"`, width, height)
	b.WriteString(` font-family="sans-serif" font-size="12">` + "\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	s := newScale(reports)
	drawGrid(&b, s)

	for i, r := range reports {
		colour, legendY := colours[i%len(colours)], topMargin+18+legendStep*i
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="2" points="`, colour)
		for _, p := range r.Curve {
			fmt.Fprintf(&b, "%.1f,%.1f ", x(p.Share), s.y(p.MS))
		}
		b.WriteString(`"/>` + "\n")
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s">%s, %d concurrent</text>`+"\n",
			legendX, legendY, colour, r.Operation, r.Concurrency)
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s" font-size="10">%.0f/s</text>`+"\n",
			legendX, legendY+12, colour, r.Rate)
	}

	b.WriteString("</svg>\n")
	return b.Bytes()
}

// drawGrid draws the lines and labels of both axes.
func drawGrid(b *bytes.Buffer, s scale) {
	const right, bottom = width - rightMargin, height - bottomMargin
	for l := s.low; l <= s.high; l++ {
		y := s.y(math.Pow(10, l))
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>`, leftMargin, right, y, y)
		fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end">%g ms</text>`+"\n", leftMargin-6, y+4, math.Pow(10, l))
	}

	for _, mark := range []struct {
		share float64
		label string
	}{{0, "fastest"}, {.5, "p50"}, {.9, "p90"}, {.99, "p99"}, {.999, "p99.9"}, {.9999, "p99.99"}} {
		x := x(mark.share)
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#ddd"/>`, x, x, topMargin, bottom)
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x, bottom+18, mark.label)
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">percentile of the operations</text>`+"\n",
		leftMargin+innerWidth/2, height-10)
}

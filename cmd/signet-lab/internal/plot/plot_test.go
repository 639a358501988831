package plot

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/signetd/signet/cmd/signet-lab/internal/load"
	"github.com/signetd/signet/cmd/signet-lab/internal/measure"
)

func TestSVG_HasOneLinePerReport(t *testing.T) {
	r := measure.Report{Operation: "refresh", Concurrency: 64, Result: load.Result{Rate: 12345}}
	for i, share := range measure.Shares {
		r.Curve = append(r.Curve, measure.Point{Share: share, MS: float64(i) * 1.5})
	}
	zero := measure.Report{Operation: "mint", Curve: []measure.Point{{Share: 0, MS: 0}}}
	for _, reports := range [][]measure.Report{{r}, {r, r}, {zero}} {
		drawing := string(svg(reports))
		decoder, lines := xml.NewDecoder(strings.NewReader(drawing)), 0
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v in\n%s", err, drawing)
			}
			if e, ok := token.(xml.StartElement); ok && e.Name.Local == "polyline" {
				lines++
			}
		}
		if lines != len(reports) || strings.Contains(drawing, "NaN") || strings.Contains(drawing, "Inf") {
			t.Errorf("%d lines, want %d, in\n%s", lines, len(reports), drawing)
		}
	}
}

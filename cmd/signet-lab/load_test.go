package main

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slow takes as long as it is told to.
func slow(d time.Duration) worker {
	return func(ctx context.Context) (time.Duration, error) {
		return timed(func() error {
			select {
			case <-time.After(d):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}
}

func TestClosedLoopWaitsForTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := load{warmUp: time.Second, duration: 10*time.Second + time.Millisecond}.run(t.Context(), []worker{slow(100 * time.Millisecond), slow(time.Second)})
		if r.Operations != 110 || r.Errors != 0 {
			t.Errorf("%d operations, %d errors (%s); want 100 and 10", r.Operations, r.Errors, r.FirstError)
		}
		if p50, p99 := r.quantile(.5), r.quantile(.99); p50 != 100*time.Millisecond || p99 != time.Second {
			t.Errorf("p50 %s, p99 %s", p50, p99)
		}
	})
}

// A server that takes a second for each of two a second falls behind, and an open loop says how far.
func TestOpenLoopCountsFromWhenItWasDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := load{rate: 2, duration: 10*time.Second + time.Millisecond}.run(t.Context(), []worker{slow(time.Second)})
		if r.Operations != 10 {
			t.Errorf("%d operations, want 10", r.Operations)
		}
		if first, last := r.quantile(0), r.quantile(1); first != time.Second || last != 5500*time.Millisecond {
			t.Errorf("the first took %s, the last %s; want 1s, and 5.5s of which 4.5s was the wait", first, last)
		}
	})
}

func TestErrorsAreCountedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		r := load{duration: 10*time.Second + time.Millisecond}.run(t.Context(), []worker{func(ctx context.Context) (time.Duration, error) {
			if calls++; calls%2 == 0 {
				time.Sleep(time.Second) // of the bubble's clock
				return time.Second, errors.New("refused")
			}
			return slow(time.Second)(ctx)
		}})
		if r.Operations != 5 || r.Errors != 5 || r.FirstError != "refused" {
			t.Errorf("%d operations, %d errors (%s), want five each", r.Operations, r.Errors, r.FirstError)
		}
	})
}

func TestProcessorTimeOfAFamily(t *testing.T) {
	child := exec.Command("sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo done; read -r _")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = child.Wait() }()
	if _, err := io.ReadFull(out, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	used, err := cpuTimes([]process{{"child", child.Process.Pid}, {"both", os.Getpid()}})
	if err != nil {
		t.Fatal(err)
	}
	if used["child"] < 5*tick || used["both"] < used["child"] {
		t.Errorf("processor times %v", used)
	}
	if _, err := cpuTimes([]process{{"nobody", 1 << 30}}); err == nil {
		t.Error("a process that is not there has a time")
	}
}

func TestNameOfAProcessMayHoldAnything(t *testing.T) {
	s := parseStat([]byte("7 (a) b (c) S 3 7 7 0 -1 0 0 0 0 0 10 20 30 40 20 0 1 0 5"))
	if s.parent != 3 || s.used != 100*tick {
		t.Errorf("parent %d, used %s", s.parent, s.used)
	}
}

func TestPlotIsADrawing(t *testing.T) {
	r := report{Operation: "refresh", InFlight: 64, result: result{Rate: 12345}}
	for i, share := range shares {
		r.Curve = append(r.Curve, point{share, float64(i) * 1.5})
	}
	for _, reports := range [][]report{{r}, {r, r}, {{Operation: "mint", Curve: []point{{0, 0}}}}} {
		drawing := string(plot(reports))
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

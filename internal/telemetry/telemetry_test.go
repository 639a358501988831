package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// nasty are values as an attacker would choose them.
var nasty = []string{
	"alice\nlevel=ERROR msg=forged", "alice\r\n{\"event\":\"login.succeeded\"}", "\x1b[2J\x1b]0;title\a", "\x00\x7f\x1b", "\b\b\bok",
	"\u009b31mred", "\u0085", "\u2028\u2029", "\u202eecila", "\u200b\ufeff", "\U000e0041tag", "\xff\xfe", "quote\" back\\slash", "a=b c=d",
	"Ünïcødé 🔑 漢字",
}

// checkLine fails the test if out is not exactly one line of printable characters.
func checkLine(t *testing.T, out string) {
	t.Helper()
	line, ended := strings.CutSuffix(out, "\n")
	if !ended || !utf8.ValidString(line) {
		t.Fatalf("not a line of UTF-8: %q", out)
	}
	if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		t.Fatalf("the line holds %q: %q", line[i:i+1], line)
	}
}

// decode returns the members of a JSON line.
func decode(t *testing.T, line string) map[string]any {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(line), &members); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return members
}

func TestRule68_LogInjection(t *testing.T) {
	for _, value := range nasty {
		readable := strings.ToValidUTF8(value, "\ufffd")
		for _, format := range []string{"json", "text"} {
			var out bytes.Buffer
			log, err := Logger(&out, format, "info")
			if err != nil {
				t.Fatal(err)
			}
			log.With("with"+value, value).WithGroup("g"+value).Error(value, "user", value, "error", errors.New(value), "any", []string{value})
			checkLine(t, out.String())
			if format == "json" && decode(t, out.String())["msg"] != readable && utf8.ValidString(value) {
				t.Errorf("%q was changed: %s", value, out.String())
			}
		}
		var out bytes.Buffer
		if err := NewAudit(&out).Record(value, time.Now(), slog.String("k"+value, value), slog.Any("any", []string{value})); err != nil {
			t.Fatal(err)
		}
		checkLine(t, out.String())
		if utf8.ValidString(value) && decode(t, out.String())["k"+value] != value {
			t.Errorf("%q was changed: %s", value, out.String())
		}
	}
}

func TestLoggerFormatsAndLevels(t *testing.T) {
	for _, c := range []struct{ format, begin, end string }{
		{"json", `{"time":"`, `","level":"WARN","msg":"m","k":1}` + "\n"},
		{"text", `time=`, " level=WARN msg=m k=1\n"},
	} {
		var out bytes.Buffer
		log, err := Logger(&out, c.format, "warn")
		if err != nil {
			t.Fatal(err)
		}
		log.Info("quiet")
		log.Warn("m", "k", 1)
		if s := out.String(); strings.Count(s, "\n") != 1 || !strings.HasPrefix(s, c.begin) || !strings.HasSuffix(s, c.end) {
			t.Errorf("%s: %q", c.format, s)
		}
	}
	for level, want := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1} {
		var out bytes.Buffer
		log, err := Logger(&out, "json", level)
		if err != nil {
			t.Fatal(err)
		}
		log.Debug("m")
		log.Info("m")
		log.Warn("m")
		log.Error("m")
		if n := strings.Count(out.String(), "\n"); n != want {
			t.Errorf("level %s wrote %d records, want %d", level, n, want)
		}
	}
	for _, c := range [][2]string{{"xml", "info"}, {"", "info"}, {"json", "INFO"}, {"json", ""}} {
		if _, err := Logger(io.Discard, c[0], c[1]); err == nil {
			t.Errorf("Logger takes %q", c)
		}
	}
}

func TestAuditLine(t *testing.T) {
	var out bytes.Buffer
	at := time.Date(2026, 11, 20, 13, 0, 0, 250_000_000, time.FixedZone("", 3600))
	err := NewAudit(&out).Record("login.failed", at, slog.String("subject", "usr_1"), slog.String("grant", ""), slog.Int("n", 0))
	want := `{"time":"2026-11-20T12:00:00.25Z","event":"login.failed","subject":"usr_1","n":0}` + "\n"
	if err != nil || out.String() != want {
		t.Errorf("%s, %v; want %s", out.String(), err, want)
	}
	out.Reset()
	for _, attr := range []slog.Attr{slog.Group("g", "a", 1), slog.Any("f", func() {})} {
		if err := NewAudit(&out).Record("x", at, attr); err == nil || out.Len() > 0 {
			t.Errorf("%v was written: %s", attr, out.String())
		}
	}
}

// a sink takes room bytes at most, and counts the calls.
type sink struct {
	bytes.Buffer
	room, calls int
}

func (s *sink) Write(p []byte) (int, error) {
	s.calls++
	if len(p) > s.room {
		n, _ := s.Buffer.Write(p[:s.room])
		s.room = 0
		return n, errors.New("the disk is full")
	}
	s.room -= len(p)
	return s.Buffer.Write(p)
}

func TestAuditErrorIsReturnedAndSpoilsNoOtherLine(t *testing.T) {
	s := &sink{room: 1000}
	a := NewAudit(s)
	at := time.Unix(0, 0)
	record := func(name string) error { return a.Record(name, at) }
	if err := record("first"); err != nil {
		t.Fatal(err)
	}
	s.room = 10
	if err := record("torn"); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("a torn line: %v", err)
	}
	if err := record("lost"); err == nil {
		t.Error("nothing was written, and no error")
	}
	s.room = 1000
	for _, name := range []string{"third", "fourth"} {
		if err := record(name); err != nil {
			t.Fatal(err)
		}
	}
	if s.calls != 5 {
		t.Errorf("5 events took %d writes", s.calls)
	}
	lines := strings.Split(strings.TrimSuffix(s.String(), "\n"), "\n")
	if len(lines) != 4 {
		t.Fatalf("%q", lines)
	}
	for i, name := range map[int]string{0: "first", 2: "third", 3: "fourth"} {
		if decode(t, lines[i])["event"] != name {
			t.Errorf("line %d: %s", i, lines[i])
		}
	}
}

// lazy claims less than it was given, without an error.
type lazy struct{}

func (lazy) Write(p []byte) (int, error) { return len(p) - 1, nil }

func TestAuditNoticesAShortWrite(t *testing.T) {
	if err := NewAudit(lazy{}).Record("x", time.Now()); !errors.Is(err, io.ErrShortWrite) {
		t.Error(err)
	}
}

func TestAuditLinesDoNotMix(t *testing.T) {
	var out bytes.Buffer // not safe for concurrent use
	a := NewAudit(&out)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				if err := a.Record("x", time.Now(), slog.String("v", strings.Repeat("v", 5000))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 400 {
		t.Errorf("400 events became %d lines", len(lines))
	}
	for _, line := range lines {
		decode(t, line)
	}
}

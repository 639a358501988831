package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// nasty are values that an attacker could use to forge or corrupt log lines.
var nasty = []string{
	"alice\nlevel=ERROR msg=forged", "alice\r\n{\"event\":\"login.succeeded\"}",
	"\x1b[2J\x1b]0;title\a", "\x00\x7f\x1b", "\b\b\bok",
	"\u009b31mred", "\u0085", "\u2028\u2029", "\u202eecila", "\u200b\ufeff", "\U000e0041tag",
	"\xff\xfe", "quote\" back\\slash", "a=b c=d",
	"Ünïcødé 🔑 漢字",
}

// checkLine fails the test unless out is one line of printable characters.
func checkLine(t *testing.T, out string) {
	t.Helper()
	line, ended := strings.CutSuffix(out, "\n")
	if !ended || !utf8.ValidString(line) {
		t.Fatalf("not a line of UTF-8: %q", out)
	}
	if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		t.Fatalf("the line contains %q: %q", line[i:i+1], line)
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

// Rule 68: values cannot forge or corrupt the lines of the log.
func TestRule68_LogInjection(t *testing.T) {
	for _, value := range nasty {
		readable := strings.ToValidUTF8(value, "\ufffd")
		for _, format := range []string{"json", "text"} {
			var out bytes.Buffer
			log, err := NewLogger(&out, format, "info")
			if err != nil {
				t.Fatal(err)
			}
			log.With("with"+value, value).WithGroup("g"+value).
				Error(value, "user", value, "error", errors.New(value), "any", []string{value})
			checkLine(t, out.String())
			if format == "json" && decode(t, out.String())["msg"] != readable && utf8.ValidString(value) {
				t.Errorf("%q was changed: %s", value, out.String())
			}
		}
	}
}

func TestNewLogger_FormatsAndLevels(t *testing.T) {
	for _, c := range []struct{ format, prefix, suffix string }{
		{"json", `{"time":"`, `","level":"WARN","msg":"m","k":1}` + "\n"},
		{"text", `time=`, " level=WARN msg=m k=1\n"},
	} {
		var out bytes.Buffer
		log, err := NewLogger(&out, c.format, "warn")
		if err != nil {
			t.Fatal(err)
		}
		log.Info("below the level")
		log.Warn("m", "k", 1)
		line := out.String()
		if strings.Count(line, "\n") != 1 || !strings.HasPrefix(line, c.prefix) || !strings.HasSuffix(line, c.suffix) {
			t.Errorf("%s: %q", c.format, line)
		}
	}
	for level, want := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1} {
		var out bytes.Buffer
		log, err := NewLogger(&out, "json", level)
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
		if _, err := NewLogger(io.Discard, c[0], c[1]); err == nil {
			t.Errorf("Logger accepts %q", c)
		}
	}
}

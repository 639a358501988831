package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/telemetry"
)

// hostile are values as an attacker would choose them.
var hostile = []string{
	"alice\nlevel=ERROR msg=forged", "alice\r\n{\"event\":\"login.succeeded\"}", "\x1b[2J\x1b]0;title\a",
	"\x00\x7f\x1b", "\b\b\bok", "\u009b31mred", "\u0085", "\u2028\u2029", "\u202eecila", "\u200b\ufeff",
	"\U000e0041tag", "\xff\xfe", "quote\" back\\slash", "a=b c=d",
	"Ünïcødé 🔑 漢字",
}

// newLog returns a Writer as the program wires it.
func newLog(t *testing.T, file io.Writer) audit.Writer {
	t.Helper()
	w := telemetry.NewLineWriter(file, func(uint64, error) []byte { return nil })
	t.Cleanup(func() {
		if err := w.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return audit.NewWriter(w.WriteEvent)
}

// members returns the members of one JSON line.
func members(t *testing.T, line string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return m
}

// Rule 68: a value cannot forge a line of the audit log.
func TestRule68_AuditLogInjection(t *testing.T) {
	for _, value := range hostile {
		var out bytes.Buffer
		err := newLog(t, &out).Write(t.Context(), audit.Event{
			Name: value, Time: time.Now(), Actor: audit.Actor{Name: value, RequestID: value},
			Subject: value, Grant: value, Token: value, Key: value, KeptGrant: value, Reason: value, IP: value,
		})
		if err != nil {
			t.Fatal(err)
		}
		line, ended := strings.CutSuffix(out.String(), "\n")
		if !ended || !utf8.ValidString(line) {
			t.Fatalf("not a line of UTF-8: %q", out.String())
		}
		if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Fatalf("the line contains %q: %q", line[i:i+1], line)
		}
		m := members(t, line)
		for _, name := range []string{
			"event", "request_id", "actor", "sub", "grant", "jti", "kid", "reason", "ip", "kept",
		} {
			if utf8.ValidString(value) && m[name] != value {
				t.Errorf("%q was changed in %s: %s", value, name, line)
			}
		}
	}
}

func TestWriter_WritesAllMembersInOrder(t *testing.T) {
	at := time.Date(2026, 11, 20, 13, 0, 0, 250_000_000, time.FixedZone("", 3600))
	for want, e := range map[string]audit.Event{
		`{"time":"2026-11-20T12:00:00.25Z","event":"login.failed","target":"user:usr_1","outcome":"failure","sub":"usr_1"}`: {
			Name: audit.LoginFailed, Time: at, Subject: "usr_1", Failed: true,
		},
		`{"time":"2026-11-20T12:00:00.25Z","event":"grant.revoked","request_id":"r","actor":"gateway","target":"grant:0a","outcome":"success",` +
			`"sub":"usr_1","grant":"0a","reason":"client","ip":"192.0.2.1","count":2,"kept":"0b"}`: {
			Name: audit.GrantRevoked, Time: at, Actor: audit.Actor{Name: "gateway", RequestID: "r"},
			Subject: "usr_1", Grant: "0a", Reason: audit.RevokedByClient, IP: "192.0.2.1", Count: 2, KeptGrant: "0b",
		},
		`{"time":"2026-11-20T12:00:00.25Z","event":"refresh.repeated","actor":"gateway","target":"grant:0a","outcome":"success",` +
			`"grant":"0a","age_ms":90500}`: {
			Name: audit.RefreshRepeated, Time: at, Actor: audit.Actor{Name: "gateway"}, Grant: "0a",
			Age: 90*time.Second + 500*time.Millisecond,
		},
		`{"time":"2026-11-20T12:00:00.25Z","event":"token.revoked","actor":"app","target":"token:j","outcome":"success",` +
			`"sub":"usr_1","jti":"j","reason":"client","moment":"2026-11-20T12:00:00.000001Z"}`: {
			Name: audit.TokenRevoked, Time: at, Actor: audit.Actor{Name: "app"}, Subject: "usr_1", Token: "j",
			Reason: audit.RevokedByClient, Moment: time.Date(2026, 11, 20, 12, 0, 0, 1000, time.UTC),
		},
		`{"time":"2026-11-20T12:00:00.25Z","event":"revocation.added","actor":"operator:ann","target":"client:app",` +
			`"outcome":"success","sub":"usr_1","moment":"2026-11-20T12:00:00Z"}`: {
			Name: audit.RevocationAdded, Time: at, Actor: audit.Actor{Name: "operator:ann"}, Subject: "usr_1",
			Client: "app", Moment: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC),
		},
		`{"time":"2026-11-20T12:00:00.25Z","event":"revocation.added","actor":"operator:ann","target":"issuer",` +
			`"outcome":"success","moment":"2026-11-20T12:00:00Z"}`: {
			Name: audit.RevocationAdded, Time: at, Actor: audit.Actor{Name: "operator:ann"},
			Moment: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC),
		},
		`{"time":"2026-11-20T12:00:00.25Z","event":"key.rotated","actor":"server","target":"key:k","outcome":"success","kid":"k"}`: {
			Name: "key.rotated", Time: at, Actor: audit.Actor{Name: audit.Server}, Key: "k",
		},
	} {
		var out bytes.Buffer
		if err := newLog(t, &out).Write(t.Context(), e); err != nil || out.String() != want+"\n" {
			t.Errorf("%s, %v; want %s", out.String(), err, want)
		}
		e.Time = e.Time.UTC()
		if read, _, err := audit.Read(&out); err != nil || len(read) != 1 || read[0] != e {
			t.Errorf("%+v, %v; want %+v", read, err, e)
		}
	}
}

// A limitedWriter writes at most limit bytes, and counts the calls.
type limitedWriter struct {
	bytes.Buffer
	limit, calls int
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	w.calls++
	if len(p) > w.limit {
		n, _ := w.Buffer.Write(p[:w.limit])
		w.limit = 0
		return n, errors.New("the disk is full")
	}
	w.limit -= len(p)
	return w.Buffer.Write(p)
}

func TestWriter_ReturnsTheErrorAndKeepsOtherLinesWhole(t *testing.T) {
	w := &limitedWriter{limit: 1000}
	a := newLog(t, w)
	write := func(name string) error { return a.Write(t.Context(), audit.Event{Name: name, Time: time.Unix(0, 0)}) }
	if err := write("first"); err != nil {
		t.Fatal(err)
	}
	w.limit = 10
	if err := write("torn"); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("a line written in part: %v", err)
	}
	if err := write("lost"); err == nil {
		t.Error("no error, although nothing was written")
	}
	w.limit = 1000
	for _, name := range []string{"third", "fourth"} {
		if err := write(name); err != nil {
			t.Fatal(err)
		}
	}

	if w.calls != 5 {
		t.Errorf("5 events took %d writes", w.calls)
	}
	lines := strings.Split(strings.TrimSuffix(w.String(), "\n"), "\n")
	if len(lines) != 4 {
		t.Fatalf("%q", lines)
	}
	for i, name := range map[int]string{0: "first", 2: "third", 3: "fourth"} {
		if members(t, lines[i])["event"] != name {
			t.Errorf("line %d: %s", i, lines[i])
		}
	}
}

// A shortWriter reports one byte less than it was given, and no error.
type shortWriter struct{}

func (shortWriter) Write(p []byte) (int, error) { return len(p) - 1, nil }

func TestWriter_ReportsAShortWrite(t *testing.T) {
	for _, name := range []string{"x", "\u0085\u0085"} { // the second line is longer when it is escaped
		err := newLog(t, shortWriter{}).Write(t.Context(), audit.Event{Name: name, Time: time.Now()})
		if !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("event %q: got error %v, want io.ErrShortWrite", name, err)
		}
	}
}

// Rule 69: each operation has one whole audit record before its response.
func TestRule69_ConcurrentAuditLinesDoNotMix(t *testing.T) {
	var out bytes.Buffer // not safe for concurrent use
	a := newLog(t, &out)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				e := audit.Event{Name: "x", Time: time.Now(), Reason: strings.Repeat("v", 5000)}
				if err := a.Write(t.Context(), e); err != nil {
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
		members(t, line)
	}
}

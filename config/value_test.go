package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]Size{"19MiB": 19 * MiB, "0B": 0, "1GiB": GiB, "1025B": 1025, "64KiB": 64 * KiB, "8191PiB": -1} {
		got, ok := parseSize(text)
		if ok != (want >= 0) || ok && (got != want || got.String() != text) {
			t.Errorf("%s is %d (%s), %v", text, got, got, ok)
		}
	}
	for _, text := range []string{"", "MiB", "19", "19M", "19MB", "19mib", "19 MiB", "-1MiB", "1.5MiB", "8589934592GiB", "9223372036854775808B", "0x1MiB"} {
		if got, ok := parseSize(text); ok {
			t.Errorf("%q is %d", text, got)
		}
	}
	if s := (19456 * KiB).String(); s != "19MiB" {
		t.Error(s)
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0s": 0, "10s": 10 * time.Second, "5m": 5 * time.Minute, "720h": 720 * time.Hour, "1h30m": 90 * time.Minute,
		"1h0m1s": time.Hour + time.Second, "100ms": 100 * time.Millisecond, "10m": 10 * time.Minute, "20h": 20 * time.Hour,
	} {
		if got, ok := parseDuration(text); !ok || got != want || formatDuration(got) != text {
			t.Errorf("%s is %v (%s), %v", text, got, formatDuration(got), ok)
		}
	}
}

func TestSecretsAreHidden(t *testing.T) {
	for text, want := range map[Secret]string{
		"":                                       "",
		"sqlite:data/signet.db":                  "sqlite:data/signet.db",
		"postgres://h/d":                         "postgres://h/d",
		"postgres://u@h/d?sslmode=verify-full":   "postgres://u@h/d?sslmode=verify-full",
		"postgres://u:hunter2@h/d":               "postgres://u:hidden@h/d",
		"postgresql://u:hunter2@h:1,i:2/d":       "postgresql://u:hidden@h:1,i:2/d",
		"postgres://u:p@hunter2@h/d":             "postgres://u:hidden@h/d",
		"postgres://u:@h/d":                      "postgres://u:hidden@h/d",
		"postgres://h/d?user=u&password=hunter2": "postgres://h/d?password=hidden&user=u",
		"postgres://h/d?PassWord=hunter2":        "postgres://h/d?PassWord=hidden",
		"postgres://h/d?sslpassword=hunter2":     "postgres://h/d?sslpassword=hidden",
		// The password holds a character that should have been percent-encoded, or it is no URL at all.
		"postgres://u:1/hunter2@h/d":        "hidden",
		"postgres://u:1#hunter2@h/d":        "hidden",
		"postgres://u:1?hunter2@h/d":        "hidden",
		"postgres://u:a@hunter2#b@h/d":      "hidden",
		"postgres://u:a@hunter2/b@h/d":      "hidden",
		"postgres://u:%hunter2@h/d":         "hidden",
		"postgres://h/d?password=hunter2;x": "hidden",
		"postgres:u:hunter2@h/d":            "hidden",
		"host=h user=u password=hunter2":    "hidden",
		"mysql://u:hunter2@h/d":             "hidden",
		"hunter2":                           "hidden",
	} {
		if got := text.String(); got != want {
			t.Errorf("%q is shown as %q, want %q", string(text), got, want)
		}
		var log bytes.Buffer
		c := Config{Store: Store{URL: text}}
		for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
			slog.New(h).Info("x", "url", text, "config", c, "pointer", &c)
		}
		fmt.Fprintf(&log, "%v %+v %#v %s %q %x\n", c, c, c, text, text, text)
		if err := json.NewEncoder(&log).Encode(c); err != nil {
			t.Fatal(err)
		}
		shown, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		log.Write(shown)
		fmt.Fprintln(&log, c.Validate())
		_, err = Load(Sources{Env: []string{"SIGNET_STORE_URL=" + string(text), "SIGNET_LOG_LEVEL=wrong"}, ReadFile: files(nil)})
		fmt.Fprintln(&log, err)
		if s := log.String(); strings.Contains(s, "hunter2") || strings.Contains(s, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("%q is shown in %s", string(text), s)
		}
	}
}

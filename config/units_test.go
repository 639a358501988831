package config

import (
	"testing"
	"time"

	"github.com/signetd/signet/keys"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]Size{
		"19MiB": 19 * MiB, "0B": 0, "1GiB": GiB, "1025B": 1025, "64KiB": 64 * KiB, "8191PiB": -1,
	} {
		got, ok := parseSize(text)
		if ok != (want >= 0) || ok && (got != want || got.String() != text) {
			t.Errorf("parseSize(%q) = %d (%s), %v", text, got, got, ok)
		}
	}
	for _, text := range []string{
		"", "MiB", "19", "19M", "19MB", "19mib", "19 MiB", "-1MiB", "1.5MiB", "8589934592GiB",
		"9223372036854775808B", "0x1MiB",
	} {
		if got, ok := parseSize(text); ok {
			t.Errorf("parseSize(%q) = %d, want no size", text, got)
		}
	}
	if s := (19456 * KiB).String(); s != "19MiB" {
		t.Errorf("19456 KiB is %s, want 19MiB", s)
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0s": 0, "10s": 10 * time.Second, "5m": 5 * time.Minute, "720h": 720 * time.Hour, "1h30m": 90 * time.Minute,
		"1h0m1s": time.Hour + time.Second, "100ms": 100 * time.Millisecond, "10m": 10 * time.Minute,
		"20h": 20 * time.Hour,
	} {
		if got, ok := parseDuration(text); !ok || got != want || keys.FormatDuration(got) != text {
			t.Errorf("parseDuration(%q) = %v (%s), %v", text, got, keys.FormatDuration(got), ok)
		}
	}
}

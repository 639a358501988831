package keys

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPolicy_Validate(t *testing.T) {
	if err := testPolicy().Validate(); err != nil {
		t.Errorf("the default policy: %v", err)
	}

	minute, second := time.Minute, time.Second
	for _, test := range []struct {
		want  string
		spoil func(*Policy)
	}{
		{"keys.max_age is 0s; want 1m to 1h", func(p *Policy) { p.MaxAge = 0 }},
		{"keys.max_age is 59s; want 1m to 1h", func(p *Policy) { p.MaxAge = 59 * second }},
		{"keys.max_age is 1h0m1s; want 1m to 1h", func(p *Policy) { p.MaxAge = 3601 * second }},
		{"keys.max_age is 1m0.5s; want whole seconds", func(p *Policy) { p.MaxAge = minute + second/2 }},
		{"keys.poll_interval is -1s; want 100ms to 1m", func(p *Policy) { p.PollInterval = -second }},
		{"keys.poll_interval is 99ms; want 100ms to 1m", func(p *Policy) { p.PollInterval = 99 * time.Millisecond }},
		{"keys.poll_interval is 1m1s; want 100ms to 1m", func(p *Policy) { p.PollInterval = 61 * second }},
		{"keys.clock_skew is -1s; want 0s to 10m", func(p *Policy) { p.ClockSkew = -second }},
		{"keys.clock_skew is 10m1s; want 0s to 10m", func(p *Policy) { p.ClockSkew = 10*minute + second }},
		{
			"keys.publish_ahead is 9m1s; want at least keys.max_age + keys.poll_interval + 2 x keys.clock_skew, 9m2s",
			func(p *Policy) { p.PublishAhead = 9*minute + second },
		},
		{
			"keys.rotate_every is 59m; want at least keys.publish_ahead, 1h",
			func(p *Policy) { p.RotateEvery = 59 * minute },
		},
		{"keys.rotate_every is 0s; want at least keys.publish_ahead, 1h", func(p *Policy) { p.RotateEvery = 0 }},
		{"keys.rotate_every is 8761h; want at most 8760h", func(p *Policy) { p.RotateEvery = 8761 * time.Hour }},
		{"keys.rsa_bits is 1024; want 2048, 3072 or 4096", func(p *Policy) { p.RSABits = 1024 }},
		{"tokens.max_lifetime is 0s; want 1s to 24h", func(p *Policy) { p.MaxLifetime = 0 }},
		{"tokens.max_lifetime is 25h; want 1s to 24h", func(p *Policy) { p.MaxLifetime = 25 * time.Hour }},
		{"tokens.max_lifetime is 1.5s; want whole seconds", func(p *Policy) { p.MaxLifetime = second * 3 / 2 }},
		{"refresh.max_lifetime is 0s; want 1s to 17520h", func(p *Policy) { p.MaxRefreshLifetime = 0 }},
		{"refresh.max_lifetime is 17521h; want 1s to 17520h", func(p *Policy) {
			p.MaxRefreshLifetime = 730*day + 3600*second
		}},
		{"refresh.max_lifetime is 1.5s; want whole seconds", func(p *Policy) { p.MaxRefreshLifetime = second * 3 / 2 }},
	} {
		p := testPolicy()
		test.spoil(&p)
		if err := p.Validate(); err == nil || !slices.Contains(strings.Split(err.Error(), "\n"), test.want) {
			t.Errorf("Validate = %v, want the line %q", err, test.want)
		}
	}

	for name, change := range map[string]func(*Policy){
		"shortest": func(p *Policy) {
			p.MaxAge, p.PollInterval, p.ClockSkew = minute, 100*time.Millisecond, 0
			p.PublishAhead = p.Window()
			p.RotateEvery = p.PublishAhead
			p.MaxLifetime, p.MaxRefreshLifetime = second, second
		},
		"longest": func(p *Policy) {
			p.MaxAge, p.PollInterval, p.ClockSkew = time.Hour, minute, 10*minute
			p.PublishAhead = 2 * time.Hour
			p.RotateEvery = 365 * day
			p.MaxLifetime, p.MaxRefreshLifetime = day, 730*day
			p.RSABits = 4096
		},
	} {
		p := testPolicy()
		change(&p)
		if err := p.Validate(); err != nil {
			t.Errorf("the %s durations: %v", name, err)
		}
	}

	if err := (Policy{}).Validate(); strings.Count(err.Error(), "\n") != 5 {
		t.Errorf("an empty policy does not return its six faults at once:\n%v", err)
	}
}

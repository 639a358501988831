package keys

import (
	"strings"
	"testing"
	"time"
)

func testPolicy() Policy {
	return Policy{
		MaxAge: 5 * time.Minute, PublishAhead: time.Hour, RotateEvery: 720 * time.Hour, PollInterval: 2 * time.Second,
		ClockSkew: 2 * time.Minute, MaxLifetime: time.Hour, MaxRefreshLifetime: 90 * 24 * time.Hour, RSABits: 2048,
	}
}

func TestPolicyDerives(t *testing.T) {
	p := testPolicy()
	for name, test := range map[string]struct{ got, want time.Duration }{
		"Window":        {p.Window(), 9*time.Minute + 2*time.Second},
		"MaxRingAge":    {p.MaxRingAge(), 5 * time.Second},
		"Lead":          {p.Lead(), 5 * time.Second},
		"Retention":     {p.Retention(), time.Hour + 13*time.Minute + 5*time.Second},
		"MAC retention": {p.retention(MAC), 90*24*time.Hour + 8*time.Minute + 5*time.Second},
	} {
		if test.got != test.want {
			t.Errorf("%s = %s, want %s", name, test.got, test.want)
		}
	}
}

func TestPolicyValidate(t *testing.T) {
	if err := testPolicy().Validate(); err != nil {
		t.Errorf("the default policy: %v", err)
	}
	for want, spoil := range map[string]func(*Policy){
		"keys.max_age is 0s":              func(p *Policy) { p.MaxAge = 0 },
		"keys.publish_ahead is 9m1s":      func(p *Policy) { p.PublishAhead = 9*time.Minute + time.Second },
		"keys.rotate_every is 59m0s":      func(p *Policy) { p.RotateEvery = 59 * time.Minute },
		"keys.rotate_every is 0s":         func(p *Policy) { p.RotateEvery = 0 },
		"keys.poll_interval is -1s":       func(p *Policy) { p.PollInterval = -time.Second },
		"the clock skew is -1s":           func(p *Policy) { p.ClockSkew = -time.Second },
		"tokens.max_lifetime is 0s":       func(p *Policy) { p.MaxLifetime = 0 },
		"the longest refresh lifetime is": func(p *Policy) { p.MaxRefreshLifetime = 0 },
		"RSA keys of 1024 bits":           func(p *Policy) { p.RSABits = 1024 },
	} {
		p := testPolicy()
		spoil(&p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate = %v, want %q in it", err, want)
		}
	}
	if err := (Policy{}).Validate(); strings.Count(err.Error(), "\n") != 5 {
		t.Errorf("an empty policy has all faults at once, got:\n%v", err)
	}
}

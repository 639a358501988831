package keys

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

const day = 24 * time.Hour

// Validate returns all faults of the policy, joined by errors.Join, or nil.
// Each fault is one line that begins with a configuration key, such as
// "keys.max_age is 5s; want 1m to 1h".
func (p Policy) Validate() error {
	var v validator
	v.between("keys.max_age", p.MaxAge, time.Minute, time.Hour)
	v.wholeSeconds("keys.max_age", p.MaxAge)
	v.between("keys.poll_interval", p.PollInterval, 100*time.Millisecond, time.Minute)
	v.between("keys.clock_skew", p.ClockSkew, 0, 10*time.Minute)
	if p.PublishAhead < p.Window() {
		v.fault("keys.publish_ahead", FormatDuration(p.PublishAhead),
			"at least keys.max_age + keys.poll_interval + 2 x keys.clock_skew, "+FormatDuration(p.Window()))
	}
	switch {
	case p.RotateEvery < p.PublishAhead:
		v.fault("keys.rotate_every", FormatDuration(p.RotateEvery),
			"at least keys.publish_ahead, "+FormatDuration(p.PublishAhead))
	case p.RotateEvery <= 0:
		v.fault("keys.rotate_every", FormatDuration(p.RotateEvery), "more than 0s")
	}
	if p.RotateEvery > 365*day {
		v.fault("keys.rotate_every", FormatDuration(p.RotateEvery), "at most "+FormatDuration(365*day))
	}
	if p.RSABits != 2048 && p.RSABits != 3072 && p.RSABits != 4096 {
		v.fault("keys.rsa_bits", fmt.Sprint(p.RSABits), "2048, 3072 or 4096")
	}

	v.between("tokens.max_lifetime", p.MaxLifetime, time.Second, day)
	v.wholeSeconds("tokens.max_lifetime", p.MaxLifetime)
	v.between("refresh.max_lifetime", p.MaxRefreshLifetime, time.Second, 2*365*day)
	v.wholeSeconds("refresh.max_lifetime", p.MaxRefreshLifetime)
	return errors.Join(v.faults...)
}

// A validator collects faults.
type validator struct{ faults []error }

func (v *validator) fault(key, value, want string) {
	v.faults = append(v.faults, fmt.Errorf("%s is %s; want %s", key, value, want))
}

func (v *validator) between(key string, d, least, most time.Duration) {
	if d < least || d > most {
		v.fault(key, FormatDuration(d), FormatDuration(least)+" to "+FormatDuration(most))
	}
}

// wholeSeconds checks a duration that a protocol counts in seconds.
func (v *validator) wholeSeconds(key string, d time.Duration) {
	if d%time.Second != 0 {
		v.fault(key, FormatDuration(d), "whole seconds")
	}
}

// FormatDuration returns d in the form of signet.yaml: 720h, not 720h0m0s.
func FormatDuration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

package config

import (
	"fmt"
	"slices"
	"time"
)

func (k *checker) keys(c Keys) {
	k.seconds("keys.max_age", c.MaxAge, time.Minute, time.Hour)
	k.between("keys.poll_interval", c.PollInterval, 100*time.Millisecond, time.Minute)
	k.between("keys.clock_skew", c.ClockSkew, 0, 10*time.Minute)
	if least := c.MaxAge + c.PollInterval + 2*c.ClockSkew; c.PublishAhead < least {
		k.fault("keys.publish_ahead", is(c.PublishAhead),
			"at least keys.max_age + keys.poll_interval + 2 x keys.clock_skew, "+formatDuration(least))
	}
	if c.RotateEvery < c.PublishAhead {
		k.fault("keys.rotate_every", is(c.RotateEvery), "at least keys.publish_ahead, "+formatDuration(c.PublishAhead))
	}
	if c.RotateEvery > 365*day {
		k.fault("keys.rotate_every", is(c.RotateEvery), "at most "+formatDuration(365*day))
	}
	if !slices.Contains([]int{2048, 3072, 4096}, c.RSABits) {
		k.fault("keys.rsa_bits", fmt.Sprintf("is %d", c.RSABits), "2048, 3072 or 4096")
	}
}

func (k *checker) tokens(t Tokens) {
	k.seconds("tokens.max_lifetime", t.MaxLifetime, time.Second, day)
	k.seconds("tokens.lifetime", t.Lifetime, time.Second, day)
	k.atMost("tokens.lifetime", t.Lifetime, "tokens.max_lifetime", t.MaxLifetime)
}

func (k *checker) refresh(r Refresh) {
	k.seconds("refresh.max_lifetime", r.MaxLifetime, time.Second, 2*365*day)
	k.seconds("refresh.absolute_lifetime", r.AbsoluteLifetime, time.Second, 2*365*day)
	k.atMost("refresh.absolute_lifetime", r.AbsoluteLifetime, "refresh.max_lifetime", r.MaxLifetime)
	k.seconds("refresh.idle_lifetime", r.IdleLifetime, time.Second, 2*365*day)
	k.atMost("refresh.idle_lifetime", r.IdleLifetime, "refresh.absolute_lifetime", r.AbsoluteLifetime)
	k.between("refresh.leeway", r.Leeway, 0, time.Minute)
}

// password checks the cost of a hash and the requirements for new passwords.
// The lower bound of the cost is that of the OWASP Password Storage Cheat
// Sheet. The upper bound is the highest cost that Signet still verifies. The
// budget must be large enough for one hash.
func (k *checker) password(p Password) {
	if p.Memory < 19*MiB || p.Memory > 256*MiB || p.Memory%KiB != 0 {
		k.fault("password.memory", "is "+p.Memory.String(), "19MiB to 256MiB, whole KiB")
	}
	k.number("password.iterations", p.Iterations, 2, 10)
	k.number("password.parallelism", p.Parallelism, 1, 16)
	if p.MemoryBudget != 0 && p.MemoryBudget < p.Memory {
		k.fault("password.memory_budget", "is "+p.MemoryBudget.String(),
			"at least password.memory, "+p.Memory.String()+", or 0B")
	}
	k.number("password.min_length", p.MinLength, 8, 64)
}

func (k *checker) throttle(t Throttle) {
	k.number("throttle.address_per_hour", t.AddressPerHour, 20, 10_000)
}

package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// Validate says everything that is wrong with the configuration at once, a line each: the key, what is the matter with its
// value, and what is wanted.
func (c Config) Validate() error { return joined(c.faults()) }

func (c Config) faults() []fault {
	k := &checker{origins: c.Origins}
	k.issuer(c.Issuer)
	if c.DataDir == "" {
		k.fault("data_dir", "is empty", "the path of a folder")
	}
	k.doors(c)
	k.tls(c.TLS)
	k.proxies(c.TrustedProxies)
	k.store(c.Store)
	if c.KEK.File == "" {
		k.fault("kek.file", "is empty", "the path of a file")
	}
	k.keys(c.Keys)
	k.lifetimes(c.Tokens, c.Refresh)
	k.password(c.Password)
	k.number("throttle.address_per_hour", c.Throttle.AddressPerHour, 20, 10_000)
	k.oneOf("log.format", c.Log.Format, "json", "text")
	k.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	k.between("shutdown.timeout", c.Shutdown.Timeout, time.Second, 10*time.Minute)
	if c.Shutdown.Drain < 0 || c.Shutdown.Drain >= c.Shutdown.Timeout {
		k.fault("shutdown.drain", is(c.Shutdown.Drain), "0s to less than shutdown.timeout, "+formatDuration(c.Shutdown.Timeout))
	}
	return k.faults
}

// A checker collects faults.
type checker struct {
	origins map[string]string
	faults  []fault
}

func (k *checker) fault(key, problem, wanted string) {
	k.faults = append(k.faults, fault{key, problem, wanted, k.origins[key]})
}

func (k *checker) between(key string, d, least, most time.Duration) {
	if d < least || d > most {
		k.fault(key, is(d), formatDuration(least)+" to "+formatDuration(most))
	}
}

// seconds is between, for what protocols count in whole seconds.
func (k *checker) seconds(key string, d, least, most time.Duration) {
	k.between(key, d, least, most)
	if d%time.Second != 0 {
		k.fault(key, is(d), "whole seconds")
	}
}

// atMost compares a duration with the key that caps it.
func (k *checker) atMost(key string, d time.Duration, limit string, most time.Duration) {
	if d > most {
		k.fault(key, is(d), "at most "+limit+", "+formatDuration(most))
	}
}

func (k *checker) number(key string, n, least, most int) {
	if n < least || n > most {
		k.fault(key, fmt.Sprintf("is %d", n), fmt.Sprintf("%d to %d", least, most))
	}
}

func (k *checker) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		k.fault(key, "is "+quote(value), "one of "+strings.Join(allowed, ", "))
	}
}

func is(d time.Duration) string { return "is " + formatDuration(d) }

// issuer checks the issuer identifier (RFC 8414 §2). It is compared byte for byte, so only its one spelling will do.
func (k *checker) issuer(issuer string) {
	const example = "https://login.example.com"
	if issuer == "" {
		k.fault("issuer", "is not set", "the URL by which clients know this issuer, such as "+example)
		return
	}
	problem := "is " + quote(issuer)
	u, err := url.Parse(issuer)
	switch {
	case strings.ContainsAny(issuer, "?#"):
		k.fault("issuer", problem, "a URL without query and fragment")
	case err != nil || u.Hostname() == "" || u.User != nil || u.String() != issuer || u.Host != strings.ToLower(u.Host):
		k.fault("issuer", problem, "a URL with its host in lower case, such as "+example)
	case u.Path != "" && path.Clean(u.Path) != u.Path || u.Path == "/":
		k.fault("issuer", problem, "no slash at the end and no empty or dotted segment in the path")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		k.fault("issuer", problem, "https; http only for a loopback address")
	}
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// doors checks the addresses, that no two are the same, and that passwords and tokens leave the machine in plain text only
// if somebody said so.
func (k *checker) doors(c Config) {
	taken := map[string]string{}
	for _, door := range []struct {
		key, address string
		protected    bool
	}{
		{"http.address", c.HTTP.Address, true},
		{"grpc.address", c.GRPC.Address, true},
		{"ops.address", c.Ops.Address, false},
	} {
		host, port, err := net.SplitHostPort(door.address)
		number, errPort := strconv.ParseUint(port, 10, 16)
		switch {
		case err != nil || errPort != nil:
			k.fault(door.key, "is "+quote(door.address), "HOST:PORT, such as 127.0.0.1:8080")
		case taken[door.address] != "" && number != 0:
			k.fault(door.key, "is "+quote(door.address)+", as "+taken[door.address], "an address of its own")
		case door.protected && !loopback(host) && !c.TLS.On() && !c.TLS.InsecurePlainText:
			k.fault(door.key, "is "+quote(door.address)+", not loopback, and would speak plain text",
				"a loopback address, tls.cert_file, or TLS in front of it and tls.insecure_plain_text: true")
		}
		taken[door.address] = door.key
	}
}

// tls checks that nobody who asked for protection goes without a part of it.
func (k *checker) tls(t TLS) {
	if t.CertFile != "" && t.KeyFile == "" {
		k.fault("tls.cert_file", "is given without tls.key_file", "both or neither")
	}
	if t.KeyFile != "" && t.CertFile == "" {
		k.fault("tls.key_file", "is given without tls.cert_file", "both or neither")
	}
	if t.ClientCAFile != "" && !t.On() {
		k.fault("tls.client_ca_file", "is given without tls.cert_file", "a certificate of the server too")
	}
	if t.InsecurePlainText && t.On() {
		k.fault("tls.insecure_plain_text", "is true beside tls.cert_file", "one of them: with a certificate nothing is plain text")
	}
	k.oneOf("tls.min_version", t.MinVersion, "1.2", "1.3")
}

// proxies refuses a network that holds everybody: then each caller could say of itself what it likes.
func (k *checker) proxies(all Prefixes) {
	for _, p := range all {
		if p.Bits() == 0 {
			k.fault("trusted_proxies", "has "+quote(p.String())+", which is everybody", "the addresses of your proxies")
		}
	}
}

func (k *checker) store(s Store) {
	path, sqlite := s.SQLite()
	_, postgres := parsePostgres(string(s.URL))
	if !postgres && (!sqlite || path == "") {
		k.fault("store.url", "is no URL of a store",
			"sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE, special characters percent-encoded")
	}
	k.number("store.max_conns", s.MaxConns, 1, 1000)
	k.between("store.connect_timeout", s.ConnectTimeout, 100*time.Millisecond, time.Minute)
	k.between("store.statement_timeout", s.StatementTimeout, 100*time.Millisecond, time.Minute)
	if s.SweepEvery != 0 && (s.SweepEvery < time.Minute || s.SweepEvery > 7*day) {
		k.fault("store.sweep_every", is(s.SweepEvery), "1m to "+formatDuration(7*day)+", or 0s for never")
	}
}

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

func (k *checker) lifetimes(t Tokens, r Refresh) {
	k.seconds("tokens.max_lifetime", t.MaxLifetime, time.Second, day)
	k.seconds("tokens.lifetime", t.Lifetime, time.Second, day)
	k.atMost("tokens.lifetime", t.Lifetime, "tokens.max_lifetime", t.MaxLifetime)
	k.seconds("refresh.max_lifetime", r.MaxLifetime, time.Second, 2*365*day)
	k.seconds("refresh.absolute_lifetime", r.AbsoluteLifetime, time.Second, 2*365*day)
	k.atMost("refresh.absolute_lifetime", r.AbsoluteLifetime, "refresh.max_lifetime", r.MaxLifetime)
	k.seconds("refresh.idle_lifetime", r.IdleLifetime, time.Second, 2*365*day)
	k.atMost("refresh.idle_lifetime", r.IdleLifetime, "refresh.absolute_lifetime", r.AbsoluteLifetime)
	k.between("refresh.leeway", r.Leeway, 0, time.Minute)
}

// password keeps the cost of a hash above the floor of the OWASP cheat sheet and below what is still verified, and leaves the
// budget room for one.
func (k *checker) password(p Password) {
	if p.Memory < 19*MiB || p.Memory > 256*MiB || p.Memory%KiB != 0 {
		k.fault("password.memory", "is "+p.Memory.String(), "19MiB to 256MiB, whole KiB")
	}
	k.number("password.iterations", p.Iterations, 2, 10)
	k.number("password.parallelism", p.Parallelism, 1, 16)
	if p.MemoryBudget != 0 && p.MemoryBudget < p.Memory {
		k.fault("password.memory_budget", "is "+p.MemoryBudget.String(), "at least password.memory, "+p.Memory.String()+", or 0B")
	}
	k.number("password.min_length", p.MinLength, 8, 64)
}

package throttle

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

func TestCounters_FreeAttemptsAndWaits(t *testing.T) {
	address := netip.MustParseAddr("192.0.2.1")
	for _, c := range []struct {
		name    string
		counter Counter
		free    int
		waits   []time.Duration
	}{
		{"account", Account("u"), 12, []time.Duration{
			1977539, 7910156, 31640625, 126562500, 506250000, 2025000000, 8100000000, 32400000000,
		}},
		{"a shared device", Device("u", "t")[1], 20, []time.Duration{
			2197265, 8789062, 35156250, 140625000, 562500000, 2250000000, 9000000000, 36000000000,
		}},
		{"successful logins", Logins("u"), 239, []time.Duration{3750000, 15000000}},
		{"address, 100 an hour", Address(address, "c", 100)[0], 22, []time.Duration{3000000, 12000000, 48000000}},
		{"address, 20 an hour", Address(address, "c", MinPerHour)[0], 1, []time.Duration{
			3750000, 15000000, 60000000, 240000000,
		}},
		{"address, 10,000 an hour", Address(address, "c", MaxPerHour)[0], 2499, []time.Duration{480000}},
		{"address, all clients", Address(address, "c", 100)[1], 248, []time.Duration{1200000, 4800000}},
		{"address, the most of all clients", Address(address, "c", MaxPerHour)[1], 24_999, []time.Duration{48000}},
	} {
		for i := range c.waits {
			c.waits[i] *= time.Microsecond
		}
		if c.counter.Free != c.free || !slices.Equal(c.counter.Waits, c.waits) {
			t.Errorf("%s: %d free, then %v; want %d, then %v", c.name, c.counter.Free, c.counter.Waits, c.free, c.waits)
		}
	}
}

// Rule 51: an attacker who tries without a pause gets at most 100 attempts at
// an account in any 30 days. From one address the attacker gets 100 an hour
// through one client, and 1,000 an hour through all clients.
func TestRule51_LimitsOfEachCounter(t *testing.T) {
	const month = 30 * 24 * time.Hour
	devices, addresses := Device("u", "t"), Address(netip.MustParseAddr("192.0.2.1"), "c", 100)
	for _, c := range []struct {
		name    string
		counter Counter
		window  time.Duration
		most    int
	}{
		{"account", Account("u"), month, 100},
		{"unknown user", UnknownUser(secret, "n"), month, 100},
		{"device", devices[0], month, 80},
		{"all devices", devices[1], month, 100},
		{"address", addresses[0], time.Hour, 100},
		{"address, all clients", addresses[1], time.Hour, 1000},
	} {
		var n Count
		got := 0
		for now := start; now.Sub(start) <= c.window; now = now.Add(7 * time.Second) {
			for ok := true; ok; {
				if n, ok = c.counter.Reserve(n, now); ok {
					got++
				}
			}
		}
		if got > c.most || got < c.most*9/10 {
			t.Errorf("%s: %d attempts in %v, want at most %d and at least 90%% of that", c.name, got, c.window, c.most)
		}
	}
}

func TestDevice_DoesNotThrottleOtherDevices(t *testing.T) {
	stolen := Device("u", "stolen")
	var own, shared Count
	for now := start; now.Sub(start) < 90*24*time.Hour; now = now.Add(10 * time.Second) {
		var ok bool
		if own, ok = stolen[0].Reserve(own, now); !ok {
			continue
		}
		if shared, ok = stolen[1].Reserve(shared, now); !ok {
			t.Fatalf("the counter of all devices rejected an attempt after %v", now.Sub(start))
		}
	}
}

func TestKeys_IdentifyOneCounterPerOwnerAndPart(t *testing.T) {
	addresses := func(text, clientID string) []Counter { return Address(netip.MustParseAddr(text), clientID, 100) }
	address := func(text string) Key { return addresses(text, "c")[0].Key }
	same := map[string][2]Key{
		"IPv6 of one /64":         {address("2001:db8::1"), address("2001:db8::ffff:1:2:3")},
		"IPv4 in two forms":       {address("192.0.2.1"), address("::ffff:192.0.2.1")},
		"zones":                   {address("fe80::1%eth0"), address("fe80::1%eth1")},
		"an address, all clients": {addresses("192.0.2.1", "c")[1].Key, addresses("192.0.2.1", "d")[1].Key},
		"devices of a user":       {Device("u", "t")[1].Key, Device("u", "v")[1].Key},
		"an unknown user name":    {UnknownUser(secret, "n").Key, UnknownUser(secret, "n").Key},
	}
	for name, k := range same {
		if k[0] != k[1] {
			t.Errorf("%s: got two counters, want one", name)
		}
	}
	keys := map[Key]string{}
	for name, k := range map[string]Key{
		"u": Account("u").Key, "v": Account("v").Key,
		"unknown u": UnknownUser(secret, "u").Key, "unknown v": UnknownUser(secret, "v").Key,
		"device t": Device("u", "t")[0].Key, "device v": Device("u", "v")[0].Key, "v's": Device("v", "t")[0].Key,
		"devices": Device("u", "t")[1].Key, "v's devices": Device("v", "t")[1].Key,
		"logins": Logins("u").Key, "v's logins": Logins("v").Key,
		"192.0.2.1": address("192.0.2.1"), "192.0.2.2": address("192.0.2.2"),
		"192.0.2.1 at client d": addresses("192.0.2.1", "d")[0].Key,
		"192.0.2.1 at all":      addresses("192.0.2.1", "c")[1].Key,
		"a /64":                 address("2001:db8::1"), "the next /64": address("2001:db8:0:1::1"),
	} {
		if other, found := keys[k]; found {
			t.Errorf("%s and %s share a counter", name, other)
		}
		keys[k] = name
	}
	if UnknownUser(secret, "n").Key == UnknownUser([]byte("another secret"), "n").Key {
		t.Error("the counter of an unknown user name does not depend on the secret")
	}
	owner, devices := Owner("u"), Device("u", "t")
	if Account("u").Key.Owner != owner || devices[0].Key.Owner != owner || devices[1].Key.Owner != owner ||
		Logins("u").Key.Owner != owner {
		t.Error("a counter of the account has another owner than Owner returns")
	}
}

// An attacker who tries many names does not fill the store.
func TestUnknownUsers_ShareCounters(t *testing.T) {
	counters := map[Key]bool{}
	for i := range 1 << 18 {
		counters[UnknownUser(secret, "name "+time.Duration(i).String()).Key] = true
	}
	if len(counters) > 1<<16 {
		t.Errorf("%d counters, want at most 65,536", len(counters))
	}
}

func TestValidatePerHour(t *testing.T) {
	for _, valid := range []int{20, 100, 10_000} {
		if err := ValidatePerHour(valid); err != nil {
			t.Errorf("ValidatePerHour(%d) = %v, want nil", valid, err)
		}
	}

	for invalid, want := range map[int]string{
		-1:     "throttle.address_per_hour is -1; want 20 to 10000",
		0:      "throttle.address_per_hour is 0; want 20 to 10000",
		19:     "throttle.address_per_hour is 19; want 20 to 10000",
		10_001: "throttle.address_per_hour is 10001; want 20 to 10000",
	} {
		if err := ValidatePerHour(invalid); err == nil || err.Error() != want {
			t.Errorf("ValidatePerHour(%d) = %v, want %s", invalid, err, want)
		}
	}
}

package config

import (
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// A Size is a number of bytes.
type Size int64

// The units of a Size.
const (
	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30
)

// sizeUnits go from the largest to the smallest; B comes last, since the others end in it.
var sizeUnits = []struct {
	name string
	size Size
}{{"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", 1}}

// String returns the size as signet.yaml spells it, such as 19MiB.
func (s Size) String() string {
	for _, unit := range sizeUnits {
		if s != 0 && s%unit.size == 0 {
			return strconv.FormatInt(int64(s/unit.size), 10) + unit.name
		}
	}
	return "0B"
}

func parseSize(text string) (Size, bool) {
	for _, unit := range sizeUnits {
		if digits, ok := strings.CutSuffix(text, unit.name); ok {
			n, err := strconv.ParseInt(digits, 10, 64)
			return Size(n) * unit.size, err == nil && n >= 0 && n <= math.MaxInt64/int64(unit.size)
		}
	}
	return 0, false
}

// formatDuration returns d as signet.yaml spells it: 720h, not 720h0m0s.
func formatDuration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// parseDuration is time.ParseDuration, which takes a 0 without a unit, without that.
func parseDuration(text string) (time.Duration, bool) {
	d, err := time.ParseDuration(text)
	return d, err == nil && !strings.HasSuffix(text, "0")
}

// Prefixes are networks; a single address is one too.
type Prefixes []netip.Prefix

// parsePrefixes reads a list that is separated by commas. An IPv4 address that is written as IPv6 is the IPv4 address.
func parsePrefixes(text string) (all Prefixes, ok bool) {
	if strings.TrimSpace(text) == "" {
		return nil, true
	}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		p, err := netip.ParsePrefix(item)
		if addr, errAddr := netip.ParseAddr(item); errAddr == nil && addr.Zone() == "" {
			p, err = addr.Unmap().Prefix(addr.Unmap().BitLen())
		}
		if err != nil || p != p.Masked() || p.Addr().Is4In6() {
			return nil, false
		}
		all = append(all, p)
	}
	return all, true
}

// list returns the prefixes as signet.yaml spells them.
func (p Prefixes) list() []string {
	list := make([]string, len(p))
	for i, prefix := range p {
		list[i] = prefix.String()
		if prefix.IsSingleIP() {
			list[i] = prefix.Addr().String()
		}
	}
	return list
}

// A Secret is a value that holds a password. However it is printed or encoded, the password is hidden; convert it to string
// to use it.
type Secret string

const (
	hidden       = "hidden"
	sqliteScheme = "sqlite:"
)

// String returns the URL with the word "hidden" in the place of each password, and that word alone for what is no URL of
// ours.
func (s Secret) String() string {
	if s == "" || strings.HasPrefix(string(s), sqliteScheme) {
		return string(s)
	}
	u, ok := parsePostgres(string(s))
	if !ok {
		return hidden
	}
	found := false
	if _, found = u.User.Password(); found {
		u.User = url.UserPassword(u.User.Username(), hidden)
	}
	query := u.Query()
	for name := range query {
		if strings.Contains(strings.ToLower(name), "password") {
			query.Set(name, hidden)
			u.RawQuery, found = query.Encode(), true
		}
	}
	if !found {
		return string(s)
	}
	return u.String()
}

// GoString hides like String.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// MarshalText hides like String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// parsePostgres reads a postgres:// URL. It refuses those with an @ behind the host: a part of the password may have landed
// there, because it holds a character that had to be percent-encoded.
func parsePostgres(text string) (*url.URL, bool) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || scheme != "postgres" && scheme != "postgresql" {
		return nil, false
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 && strings.Contains(rest[i:], "@") {
		return nil, false
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, false
	}
	_, err = url.ParseQuery(u.RawQuery)
	return u, err == nil
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	sizeType     = reflect.TypeFor[Size]()
	secretType   = reflect.TypeFor[Secret]()
	prefixesType = reflect.TypeFor[Prefixes]()
)

// parse reads text as a value of type t, in the one grammar that all sources share. If it cannot, it says what it wanted.
func parse(text string, t reflect.Type) (value any, wanted string) {
	var ok bool
	switch {
	case t == durationType:
		value, ok = parseDuration(text)
		wanted = "a duration with its unit, such as 90s, 10m or 720h"
	case t == sizeType:
		value, ok = parseSize(text)
		wanted = "a size with its unit (B, KiB, MiB, GiB), such as 19MiB"
	case t == secretType:
		return Secret(text), ""
	case t == prefixesType:
		value, ok = parsePrefixes(text)
		wanted = "addresses and networks separated by commas, such as 10.0.0.0/8, ::1, the network's own bits only"
	case t.Kind() == reflect.Int:
		n, err := strconv.Atoi(text)
		value, ok, wanted = n, err == nil, "a whole number"
	case t.Kind() == reflect.Bool:
		value, ok, wanted = text == "true", text == "true" || text == "false", "true or false"
	case t.Kind() == reflect.String:
		return text, ""
	default:
		wanted = fmt.Sprintf("a %s, which nothing can be read as", t)
	}
	if ok {
		wanted = ""
	}
	return value, wanted
}

// plain returns a value as signet.yaml spells it, secrets hidden: a string, an int, a bool or a list of strings.
func plain(v reflect.Value) any {
	switch value := v.Interface().(type) {
	case time.Duration:
		return formatDuration(value)
	case Prefixes:
		return value.list()
	case fmt.Stringer:
		return value.String()
	default:
		return value
	}
}

package config

import (
	"net/url"
	"strconv"
	"strings"
)

// A Secret is a URL that may contain a password. Printing and encoding a Secret
// hide the password; convert it to string to use it.
type Secret string

const (
	// hidden replaces a password.
	hidden       = "hidden"
	sqliteScheme = "sqlite:"
)

// String returns the URL with the word "hidden" in place of each password. It
// returns only that word if the text is neither a sqlite: nor a postgres://
// URL.
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

// GoString hides passwords like String.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// MarshalText hides passwords like String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// parsePostgres parses a postgres:// URL, whose host may be several hosts with
// commas between them. It rejects a URL with an @ after the hosts. Such an @
// can mean that the host contains a part of the password, because the password
// has a character that is not percent-encoded.
func parsePostgres(text string) (*url.URL, bool) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || scheme != "postgres" && scheme != "postgresql" {
		return nil, false
	}
	end := len(rest)
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		end = i
	}
	if strings.Contains(rest[end:], "@") {
		return nil, false
	}

	start := strings.LastIndex(rest[:end], "@") + 1
	hosts := rest[start:end]
	for host := range strings.SplitSeq(hosts, ",") {
		if _, err := url.Parse(scheme + "://" + host); err != nil {
			return nil, false
		}
	}
	u, err := url.Parse(scheme + "://" + rest[:start] + rest[end:])
	if err != nil {
		return nil, false
	}
	u.Host = hosts
	_, err = url.ParseQuery(u.RawQuery)
	return u, err == nil
}

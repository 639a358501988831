package pgurl

import (
	_ "embed" // the parameters of PostgreSQL
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// parameterNames are the parameters of PostgreSQL 15 to 18 that a connection
// can set: those of pg_settings with the context user, superuser, backend or
// superuser-backend, and role and session_authorization. The test compares them
// with a server.
//
//go:embed parameters.txt
var parameterNames string

// parameters are the names of parameterNames, in lower case.
var parameters = func() map[string]bool {
	names := map[string]bool{"options": true}
	for name := range strings.FieldsSeq(parameterNames) {
		names[name] = true
	}
	return names
}()

// Parse reads a postgres:// URL as pgx does, with the environment variables of
// libpq and the files that the URL names. It also rejects what a server would
// refuse at every connection, and what the store cannot use. Its error does not
// contain the URL.
func Parse(text string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(text)
	if err != nil {
		return nil, withoutURL(err)
	}
	for _, check := range []error{
		checkHosts(config.ConnConfig), checkParameters(config.ConnConfig), checkTarget(text),
		checkMode(config.ConnConfig.DefaultQueryExecMode),
	} {
		if check != nil {
			return nil, check
		}
	}
	return config, nil
}

// checkHosts rejects a host with an @. It is a part of a password in which the
// @ is not percent-encoded.
func checkHosts(config *pgx.ConnConfig) error {
	for _, h := range hosts(config) {
		if network, _ := pgconn.NetworkAddress(h.Host, h.Port); network != "unix" && strings.Contains(h.Host, "@") {
			return errors.New("it has an @ that is not percent-encoded")
		}
	}
	return nil
}

// hosts returns the hosts that pgx tries, in this order.
func hosts(config *pgx.ConnConfig) []*pgconn.FallbackConfig {
	first := &pgconn.FallbackConfig{Host: config.Host, Port: config.Port, TLSConfig: config.TLSConfig}
	return append([]*pgconn.FallbackConfig{first}, config.Fallbacks...)
}

// checkParameters rejects parameters that neither pgx nor PostgreSQL has. pgx
// sends them to the server, which then refuses every connection.
func checkParameters(config *pgx.ConnConfig) error {
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(config.RuntimeParams)) {
		// A name with a dot is a custom parameter. A server accepts any.
		if !parameters[strings.ToLower(name)] && !strings.Contains(name, ".") {
			unknown = append(unknown, strconv.Quote(name))
		}
	}
	if unknown == nil {
		return nil
	}
	return fmt.Errorf("neither pgx nor PostgreSQL has the parameter %s", strings.Join(unknown, ", "))
}

// checkTarget rejects a URL that asks for a server that is read-only.
func checkTarget(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return nil // pgx can read it
	}
	switch target := u.Query().Get("target_session_attrs"); target {
	case "read-only", "standby", "prefer-standby":
		return fmt.Errorf("target_session_attrs is %s, and Signet must write", target)
	}
	return nil
}

// checkMode rejects the modes of pgx in which it does not know the types of
// parameters.
func checkMode(mode pgx.QueryExecMode) error {
	switch mode {
	case pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe:
		return nil
	}
	return errors.New("default_query_exec_mode is cache_statement, the default, or cache_describe, " +
		"which PgBouncer needs")
}

// withoutURL returns an error of pgx without the URL, which pgx writes between
// backquotes in front of the reason.
func withoutURL(err error) error {
	text := err.Error()
	if end := strings.LastIndex(text, "`: "); end >= 0 {
		text = text[end+len("`: "):]
	}
	return errors.New(text)
}

// PlainTextHost returns the first host on another machine to which a connection
// can be without TLS. It returns false if there is none. Sockets of the
// operating system, localhost and loopback addresses are on this machine. Every
// other name and address is on another one, also in a private network.
func PlainTextHost(config *pgx.ConnConfig) (host string, found bool) {
	for _, h := range hosts(config) {
		network, _ := pgconn.NetworkAddress(h.Host, h.Port)
		if network != "unix" && h.TLSConfig == nil && !isLoopback(h.Host) {
			return h.Host, true
		}
	}
	return "", false
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

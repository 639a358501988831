package pgtest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// bouncer runs a PgBouncer in its working directory, which has its configuration. It keeps nothing, so it is ended at once.
const bouncer = `
exec 3<&0
"$bin/pgbouncer" bouncer.ini &
end=KILL
` + untilInputEnds

// bouncerConfig lets everybody in, as the one user of the server behind it, and lends a connection for one transaction, to
// each the one that rested longest: whoever relies on a session loses it at once.
const bouncerConfig = `[databases]
* = %s

[pgbouncer]
listen_addr =
listen_port = %s
unix_socket_dir = %s
auth_type = any
pool_mode = transaction
default_pool_size = %d
server_round_robin = 1
max_client_conn = 400
server_tls_sslmode = %s
`

const (
	// bouncerPort only names the socket.
	bouncerPort = "6432"
	// bouncerPool is how many connections to one database its clients share.
	bouncerPool = 5
)

// A pooler is the PgBouncer that the tests of a program share.
type pooler struct {
	start sync.Once
	err   error
	base  *url.URL
	stop  func()
}

func (p *pooler) end() {
	if p.stop != nil {
		p.stop()
	}
}

// Bouncer returns the URL of an empty database as Empty does, reached through a private PgBouncer in transaction mode. It has
// the parameter that pgx needs there. PgBouncer starts with the first test that asks for it and ends with the tests.
func Bouncer(t testing.TB) string {
	t.Helper()
	direct, err := url.Parse(Empty(t))
	if err != nil {
		t.Fatal(err)
	}
	p := &server.pooler
	p.start.Do(func() { p.base, p.stop, p.err = startBouncer(server.base) })
	if p.err != nil {
		t.Fatalf("no PgBouncer to test with: %v", p.err)
	}
	u := *p.base
	u.Path = direct.Path
	return u.String()
}

// startBouncer starts a PgBouncer before the server at base.
func startBouncer(base *url.URL) (*url.URL, func(), error) {
	bin, err := bouncerProgram()
	if err != nil {
		return nil, nil, err
	}
	behind, err := pgx.ParseConfig(base.String())
	if err != nil {
		return nil, nil, err
	}
	return startServer(bouncer, bin, func(dir string) (*url.URL, error) {
		u := &url.URL{Scheme: "postgres", Path: base.Path, RawQuery: url.Values{
			"host": {dir}, "port": {bouncerPort}, "user": {behind.User}, "sslmode": {"disable"},
			"default_query_exec_mode": {"cache_describe"},
		}.Encode()}
		config := fmt.Sprintf(bouncerConfig, connection(behind), bouncerPort, dir, bouncerPool, protection(behind))
		return u, os.WriteFile(filepath.Join(dir, "bouncer.ini"), []byte(config), 0o600)
	})
}

// connection returns how PgBouncer reaches the server, without the name of a database: each client's own is taken.
func connection(c *pgx.ConnConfig) string {
	parts := []string{"host=" + quoted(c.Host), "port=" + strconv.Itoa(int(c.Port)), "user=" + quoted(c.User)}
	if c.Password != "" {
		parts = append(parts, "password="+quoted(c.Password))
	}
	return strings.Join(parts, " ")
}

func quoted(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }

// protection returns the sslmode of PgBouncer's own connections.
func protection(c *pgx.ConnConfig) string {
	if c.TLSConfig == nil {
		return "disable"
	}
	return "require"
}

// bouncerProgram returns the folder of PgBouncer's program, which Debian keeps where only root's PATH looks.
func bouncerProgram() (string, error) {
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/pgbouncer")
	}
	if err != nil {
		return "", errors.New("pgbouncer is neither in PATH nor in /usr/sbin: install it (apt-get install pgbouncer)")
	}
	return filepath.Dir(path), nil
}

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

	"github.com/jackc/pgx/v5"
)

// bouncer is the script of a PgBouncer, which reads its configuration from the
// working directory. It has no data, so it is killed.
const bouncer = `
exec 3<&0
"$bin/pgbouncer" bouncer.ini &
end=KILL
` + untilInputEnds

// bouncerConfig accepts every client and connects all of them to the server as
// the same user. A client gets a server connection for one transaction, and
// always the connection that has been idle for longest. So code that relies on
// a session fails at once.
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
	// bouncerPort is only part of the name of the socket.
	bouncerPort = "6432"
	// bouncerPool is the number of server connections for each database.
	bouncerPool = 5
)

// pooler is the PgBouncer that the tests of a program share.
type pooler struct {
	start sync.Once
	err   error
	base  *url.URL
	stop  func() // nil if it has not been started
}

// end stops the PgBouncer if it has been started.
func (p *pooler) end() {
	if p.stop != nil {
		p.stop()
	}
}

// startBouncer starts a PgBouncer in front of the server at base.
func startBouncer(base *url.URL) (*url.URL, func(), error) {
	bin, err := bouncerDir()
	if err != nil {
		return nil, nil, err
	}
	target, err := pgx.ParseConfig(base.String())
	if err != nil {
		return nil, nil, err
	}
	return startServer(bouncer, bin, func(dir string) (*url.URL, error) {
		query := url.Values{
			"host": {dir}, "port": {bouncerPort}, "user": {target.User}, "sslmode": {"disable"},
			"default_query_exec_mode": {"cache_describe"},
		}
		u := &url.URL{Scheme: "postgres", Path: base.Path, RawQuery: query.Encode()}
		config := fmt.Sprintf(bouncerConfig, connection(target), bouncerPort, dir, bouncerPool, sslmode(target))
		return u, os.WriteFile(filepath.Join(dir, "bouncer.ini"), []byte(config), 0o600)
	})
}

// connection returns PgBouncer's connection string for the server. It has no
// database name, so that PgBouncer uses the name that the client asks for.
func connection(c *pgx.ConnConfig) string {
	parts := []string{"host=" + quoted(c.Host), "port=" + strconv.Itoa(int(c.Port)), "user=" + quoted(c.User)}
	if c.Password != "" {
		parts = append(parts, "password="+quoted(c.Password))
	}
	return strings.Join(parts, " ")
}

func quoted(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }

// sslmode returns the sslmode of PgBouncer's connections to the server.
func sslmode(c *pgx.ConnConfig) string {
	if c.TLSConfig == nil {
		return "disable"
	}
	return "require"
}

// bouncerDir returns the directory of the pgbouncer program. Debian installs it
// in /usr/sbin, which is only in root's PATH.
func bouncerDir() (string, error) {
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/pgbouncer")
	}
	if err != nil {
		return "", errors.New("pgbouncer is neither in PATH nor in /usr/sbin: install it (apt-get install pgbouncer)")
	}
	return filepath.Dir(path), nil
}

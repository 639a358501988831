package pgtest

import (
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// serverEnv is the environment variable with the URL of an existing server: a
// postgres:// URL of a role that may create databases. Without it, pgtest
// starts a private server.
const serverEnv = "SIGNET_TEST_POSTGRES"

// Settings of a private server. Tests use the fastest settings, because they
// need no durability. Measurements use the durable settings, as in production,
// with so few checkpoints that none happens in only one of two measurements.
// Both allow more connections than all servers of a run have together.
const (
	fastest = "settings='-c fsync=off -c full_page_writes=off -c autovacuum=off -c max_connections=400'"
	durable = "settings='-c max_wal_size=8GB -c checkpoint_timeout=1h -c max_connections=400'"
)

// cluster is the script of a private server. It creates a database cluster in
// the working directory and starts a server, which listens on a socket in that
// directory. One of the settings precedes it.
const cluster = `
exec 3<&0
"$bin/initdb" -D data -U postgres -A trust -E UTF8 --locale=C --no-sync || exit
"$bin/postgres" -D data -k "$dir" -c listen_addresses= $settings &
end=QUIT
` + untilInputEnds

// StartDurable starts a private server for measurements, which flushes every
// commit to the disk. It returns the URL of the server's first database. stop
// stops the server and removes its files. The end of this program does so, too.
func StartDurable() (base *url.URL, stop func(), err error) { return startCluster(durable) }

// startCluster starts a private server with one of the settings.
func startCluster(settings string) (base *url.URL, stop func(), err error) {
	bin, err := BinDir()
	if err != nil {
		return nil, nil, err
	}
	return startServer(settings+cluster, bin, func(dir string) (*url.URL, error) {
		query := url.Values{"host": {dir}, "user": {"postgres"}}
		return &url.URL{Scheme: "postgres", Path: "/postgres", RawQuery: query.Encode()}, nil
	})
}

// BinDir returns the directory of PostgreSQL's server programs: that of the
// initdb in PATH, or of the newest version below /usr/lib/postgresql.
func BinDir() (string, error) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if initdb, err = filepath.EvalSymlinks(initdb); err == nil {
			return filepath.Dir(initdb), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("initdb is neither in PATH nor below /usr/lib/postgresql: "+
			"install PostgreSQL's server (apt-get install postgresql), or set %s to the URL of a server", serverEnv)
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

// version returns the major version in /usr/lib/postgresql/VERSION/bin/initdb.
func version(path string) int {
	number, _, _ := strings.Cut(strings.TrimPrefix(path, "/usr/lib/postgresql/"), "/")
	n, _ := strconv.Atoi(number)
	return n
}

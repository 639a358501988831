package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Settings of a server: the fastest is for tests, which lose nothing with it; the durable one is as operators run it, with room
// between checkpoints so that none falls by chance into one of two measurements that are compared.
const (
	fastest = "settings='-c fsync=off -c full_page_writes=off -c autovacuum=off -c max_connections=400'"
	durable = "settings='-c max_wal_size=8GB -c checkpoint_timeout=1h'"
)

// cluster makes a database cluster in its working directory and runs a server on it with the settings before it, which listens
// on a socket there.
const cluster = `
exec 3<&0
"$bin/initdb" -D data -U postgres -A trust -E UTF8 --locale=C --no-sync || exit
"$bin/postgres" -D data -k "$dir" -c listen_addresses= $settings &
end=QUIT
` + untilInputEnds

// untilInputEnds waits until the standard input of a script ends, kept as 3, ends the server that it has just started, by
// the signal that it names, and removes the directory. The input is a pipe that nobody writes to: it ends when the test
// program closes it, or ends in whatever way.
const untilInputEnds = `
server=$!
(read -r nothing <&3; kill "-$end" "$server") &
wait "$server"
cd / && rm -rf "$dir"
`

// StartDurable starts a private server, for measurements, on which everything that is committed is on the disk. It returns the
// URL of its first database and what ends the server and removes its files, as the end of this program does.
func StartDurable() (base *url.URL, stop func(), err error) { return startCluster(durable) }

// startCluster starts a private server and returns its URL and what ends it.
func startCluster(settings string) (base *url.URL, stop func(), err error) {
	bin, err := Programs()
	if err != nil {
		return nil, nil, err
	}
	return startServer(settings+cluster, bin, func(dir string) (*url.URL, error) {
		return &url.URL{Scheme: "postgres", Path: "/postgres", RawQuery: url.Values{"host": {dir}, "user": {"postgres"}}.Encode()}, nil
	})
}

// startServer runs a script that runs a server in a directory of its own, with the programs in bin. prepare fills the directory
// and returns the URL at which the server will answer.
func startServer(script, bin string, prepare func(dir string) (*url.URL, error)) (base *url.URL, stop func(), err error) {
	dir, err := os.MkdirTemp("", "signet-pg-")
	if err != nil {
		return nil, nil, err
	}
	if base, err = prepare(dir); err == nil {
		stop, err = runServer(script, bin, dir, base)
	}
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return base, stop, nil
}

func runServer(script, bin, dir string, base *url.URL) (stop func(), err error) {
	who, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the server has its own

	shell := exec.Command("/bin/sh", "-c", "bin=$1 dir=$2\n"+script, "signet-pg", bin, dir)
	shell.Dir, shell.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	shell.Stdout, shell.Stderr = log, log
	// A group of its own, so that an interrupt from the keyboard does not end it before it has cleaned up.
	shell.SysProcAttr = &syscall.SysProcAttr{Credential: who, Setpgid: true}
	input, err := shell.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := shell.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = shell.Wait() // the log says more
	}()
	stop = func() {
		_ = input.Close()
		<-ended
	}
	if err := await(base.String(), ended); err != nil {
		stop()
		said, _ := io.ReadAll(io.NewSectionReader(log, 0, 1<<16))
		return nil, fmt.Errorf("the server in %s did not start: %w\n%s", dir, err, said)
	}
	return stop, nil
}

// await waits until the server answers, or has ended.
func await(url string, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, url)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-ended:
			return errors.New("it ended")
		case <-ctx.Done():
			return err
		}
	}
}

// Programs returns the folder of the newest PostgreSQL's server programs.
func Programs() (string, error) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if initdb, err = filepath.EvalSymlinks(initdb); err == nil {
			return filepath.Dir(initdb), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("initdb is neither in PATH nor below /usr/lib/postgresql: "+
			"install PostgreSQL's server (apt-get install postgresql), or set %s to the URL of one", Env)
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

// unprivileged returns whom to run the server as, and gives them dir and what is in it. Postgres and PgBouncer refuse to run
// as root; everybody else runs them as themselves.
func unprivileged(dir string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		who, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("find a user for Postgres, which refuses root: %w", err)
	}
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, int(uid), int(gid)))
	})
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

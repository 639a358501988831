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
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// timeout limits every operation on a server.
const timeout = time.Minute

// untilInputEnds is the end of the script of every server. It waits until the
// standard input of the script ends, which the script has as descriptor 3. Then
// it sends the signal $end to the server that the script has just started, and
// removes the directory.
//
// The input is a pipe that is never written to. It ends when the test program
// closes it, and also when the test program exits or is killed.
const untilInputEnds = `
server=$!
(read -r nothing <&3; kill "-$end" "$server") &
wait "$server"
cd / && rm -rf "$dir"
`

// startServer runs the script of a server in a new directory. bin is the
// directory of the server's programs. prepare fills the new directory and
// returns the URL of the server. stop stops the server and removes the
// directory.
func startServer(
	script, bin string, prepare func(dir string) (*url.URL, error),
) (base *url.URL, stop func(), err error) {
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

// runServer runs the script in dir and returns when the server accepts
// connections at base.
func runServer(script, bin, dir string, base *url.URL) (stop func(), err error) {
	credential, err := unprivileged(dir)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the server has its own descriptor

	shell := exec.Command("/bin/sh", "-c", "bin=$1 dir=$2\n"+script, "signet-pg", bin, dir)
	shell.Dir, shell.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	shell.Stdout, shell.Stderr = log, log
	// A process group of its own, so that an interrupt from the keyboard does
	// not stop the script before it has removed the directory.
	shell.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Setpgid: true}
	input, err := shell.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := shell.Start(); err != nil {
		return nil, err
	}

	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = shell.Wait() // the log has the details
	}()
	stop = func() {
		_ = input.Close()
		<-exited
	}
	if err := waitReady(base.String(), exited); err != nil {
		stop()
		text, _ := io.ReadAll(io.NewSectionReader(log, 0, 1<<16))
		return nil, fmt.Errorf("the server in %s did not start: %w\n%s", dir, err, text)
	}
	return stop, nil
}

// waitReady waits until the server accepts connections. It returns an error if
// the server exits before.
func waitReady(url string, exited <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
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
		case <-exited:
			return errors.New("it exited")
		case <-ctx.Done():
			return err
		}
	}
}

// unprivileged returns the user to run a server as, or nil for the current
// user. Postgres and PgBouncer refuse to run as root. So if the current user is
// root, unprivileged chooses another user, and makes that user the owner of dir
// and of the files in it.
func unprivileged(dir string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	owner, err := user.Lookup("postgres")
	if err != nil {
		owner, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("find a user for Postgres, which refuses root: %w", err)
	}

	uid, err := strconv.ParseUint(owner.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(owner.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, int(uid), int(gid)))
	})
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

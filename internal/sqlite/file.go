package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/signetd/signet/internal/privatefile"
)

// lockRetry is the pause between two tries to get a lock that another process
// holds.
const lockRetry = 10 * time.Millisecond

// createFile creates the file if there is none, with a mode for its owner only.
// The files that SQLite creates beside it get the same mode. It rejects files
// and directories that another user may have read or written.
func createFile(path string) error {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("stat store directory: %w", err)
	}
	if info.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("the directory %s is world-writable: "+
			"put the store into a new directory in it, or run chmod o-w", dir)
	}

	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	switch {
	case err == nil:
		if err := f.Close(); err != nil {
			return fmt.Errorf("create store: %w", err)
		}
	case !errors.Is(err, fs.ErrExist):
		return fmt.Errorf("create store: %w", err)
	}

	for _, suffix := range []string{"", "-wal", "-shm", "-journal", ".lock"} {
		if err := privatefile.Check(path + suffix); err != nil {
			return fmt.Errorf("check store: %w", err)
		}
	}
	return nil
}

// LockServe makes this process the only server on the file until Close. It
// returns an error if there is another server. Other programs may still read
// and write the file.
func (s *Store) LockServe() error {
	f, err := os.OpenFile(s.path+".lock", os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("lock store: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // Nothing was written.
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("another server runs on %s: an SQLite file has one server, use Postgres for more", s.path)
		}
		return fmt.Errorf("lock store: %w", err)
	}
	s.serveLock = f
	return nil
}

// lockDirectory waits for the lock of the directory of path. A process holds it
// while it opens a file and while it migrates the schema. The lock leaves no
// file behind.
func lockDirectory(ctx context.Context, path string) (unlock func(), err error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("lock store directory: %w", err)
	}
	for {
		err = syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = dir.Close() }, nil // Close releases the lock.
		}
		if errors.Is(err, syscall.EWOULDBLOCK) {
			select {
			case <-time.After(lockRetry):
				continue
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		return nil, errors.Join(fmt.Errorf("lock store directory: %w", err), dir.Close())
	}
}

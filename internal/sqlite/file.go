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
)

// lockRetry is how often a lock that somebody else holds is tried again.
const lockRetry = 10 * time.Millisecond

// makeFile makes the file if there is none, so that it and the files that SQLite puts beside it, which take over its mode,
// are for their owner alone. It refuses what somebody else may have read or put there.
func makeFile(path string) error {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at the directory of the store: %w", err)
	}
	if info.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("the directory %s can be written to by everybody: keep the store elsewhere, or run chmod o-w", dir)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	switch {
	case err == nil:
		if err := f.Close(); err != nil {
			return fmt.Errorf("make the store: %w", err)
		}
	case !errors.Is(err, fs.ErrExist):
		return fmt.Errorf("make the store: %w", err)
	}
	for _, suffix := range []string{"", "-wal", "-shm", "-journal", ".lock"} {
		if err := checkFile(path + suffix); err != nil {
			return err
		}
	}
	return nil
}

// checkFile refuses a file that is not ours alone. It does not open it: closing a second descriptor would end the locks
// that this process has on it.
func checkFile(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look at the store: %w", err)
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a symbolic link: name the file itself", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", path)
	case info.Mode().Perm()&0o177 != 0:
		return fmt.Errorf("%s has mode %04o, which is wider than 0600: run chmod 600, and think about who may have read it",
			path, info.Mode().Perm())
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d and this process runs as user %d: run it as the owner", path, owner.Uid, os.Geteuid())
	}
	return nil
}

// LockServe makes this process the only server on the file, until Close. It fails with a sentence if there is one already.
// Other programs may read and write the file meanwhile.
func (s *Store) LockServe() error {
	f, err := os.OpenFile(s.path+".lock", os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("lock the store: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("another server runs on %s: an SQLite file has one server, Postgres has as many as you like", s.path)
		}
		return fmt.Errorf("lock the store: %w", err)
	}
	s.served = f
	return nil
}

// lockDirectory waits for the lock on the directory of path, which is held while a file is opened and while its schema is
// migrated. It leaves nothing behind.
func lockDirectory(ctx context.Context, path string) (unlock func(), err error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("lock the directory of the store: %w", err)
	}
	for {
		err = syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = dir.Close() }, nil // which unlocks it
		}
		if errors.Is(err, syscall.EWOULDBLOCK) {
			select {
			case <-time.After(lockRetry):
				continue
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		return nil, errors.Join(fmt.Errorf("lock the directory of the store: %w", err), dir.Close())
	}
}

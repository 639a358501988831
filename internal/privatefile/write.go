package privatefile

import (
	"os"
	"path/filepath"
	"syscall"
)

// Write writes a private file with mode 0600. It replaces the file atomically:
// after a crash, and for a concurrent reader, the file has either the old or
// the new content.
func Write(path string, data []byte) error {
	return writeAtomically(path, data, os.Rename)
}

// Create is Write for a new file. If the file exists, it returns an error for
// which os.IsExist is true.
func Create(path string, data []byte) error {
	// Unlike a rename, a link never replaces a file.
	return writeAtomically(path, data, os.Link)
}

// writeAtomically writes and syncs a temporary file in the directory of path.
// Then it calls place to give the file its name.
func writeAtomically(path string, data []byte, place func(temporary, path string) error) (err error) {
	dir := filepath.Dir(path)
	if err := CheckDir(dir); err != nil {
		return err
	}
	// CreateTemp uses mode 0600 and O_EXCL.
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	// After a rename, Remove finds no file. The error does not matter.
	defer func() { _ = os.Remove(f.Name()) }()

	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = place(f.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if closeErr := d.Close(); err == nil {
		err = closeErr
	}
	return err
}

// LockDir takes an exclusive lock on the directory of path. It waits until no
// other process has the lock.
func LockDir(path string) (unlock func(), err error) {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX); err != nil {
		_ = d.Close()
		return nil, err
	}
	return func() { _ = d.Close() }, nil // Close releases the lock.
}

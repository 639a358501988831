package seal

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// maxFile is the largest file in bytes that the package reads. The expected
// files have a few lines.
const maxFile = 1 << 20

// ReadFile reads a private file that Signet created. It returns an error unless
// the path is a regular file, not a symbolic link, that belongs to the current
// user and has mode 0600 or narrower, and unless the directory prevents others
// from replacing the file.
//
// An error names the file and the command that repairs it. For a missing file,
// the error is fs.ErrNotExist.
func ReadFile(path string) ([]byte, error) {
	if err := checkDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	return read(path, syscall.O_NOFOLLOW, func(info fs.FileInfo) error {
		if owner := info.Sys().(*syscall.Stat_t).Uid; int(owner) != os.Geteuid() {
			return fmt.Errorf("%s belongs to the user %d, but Signet runs as the user %d: chown it",
				path, owner, os.Geteuid())
		}
		if mode := info.Mode().Perm(); mode&^0o600 != 0 {
			return fmt.Errorf("%s has mode %04o, which is wider than 0600: "+
				"chmod 600 it, and assume that others have read it", path, mode)
		}
		return nil
	})
}

// WriteFile writes a private file with mode 0600. It replaces the file
// atomically: after a crash, and for a concurrent reader, the file has either
// the old or the new content.
func WriteFile(path string, data []byte) error {
	return writeAtomically(path, data, os.Rename)
}

// createFile is WriteFile for a new file. If the file exists, it returns an
// error for which os.IsExist is true.
func createFile(path string, data []byte) error {
	// Unlike a rename, a link never replaces a file.
	return writeAtomically(path, data, os.Link)
}

// writeAtomically writes and syncs a temporary file in the directory of path.
// Then it calls place to give the file its name.
func writeAtomically(path string, data []byte, place func(temporary, path string) error) (err error) {
	dir := filepath.Dir(path)
	if err := checkDir(dir); err != nil {
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

// lockDir takes an exclusive lock on the directory of path. It waits until no
// other process has the lock.
func lockDir(path string) (unlock func(), err error) {
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

// ReadSecretFile reads a secret file that an operator provides. The path may
// contain symbolic links, as in secrets that Kubernetes mounts. A group may
// read the file, but ReadSecretFile returns an error if everyone may read or
// write it.
func ReadSecretFile(path string) ([]byte, error) {
	return readGiven(path, func(info fs.FileInfo) error {
		if mode := info.Mode().Perm(); mode&0o006 != 0 {
			return fmt.Errorf("%s has mode %04o, which lets everyone on the machine read or write it: "+
				"chmod 640 it or narrower (in Kubernetes, defaultMode: 0440)", path, mode)
		}
		return nil
	})
}

// ReadPublicFile is ReadSecretFile for a file that holds no secret: everyone
// may read the file, but not write it.
func ReadPublicFile(path string) ([]byte, error) {
	return readGiven(path, func(info fs.FileInfo) error {
		if mode := info.Mode().Perm(); mode&0o002 != 0 {
			return fmt.Errorf("%s has mode %04o, which lets everyone on the machine write it: chmod o-w it", path, mode)
		}
		return nil
	})
}

// readGiven checks the directory in path and the directory of the file to which
// path resolves.
func readGiven(path string, check func(fs.FileInfo) error) ([]byte, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{filepath.Dir(path), filepath.Dir(resolved)} {
		if err := checkDir(dir); err != nil {
			return nil, err
		}
	}
	return read(path, 0, check)
}

// read opens a file, calls check with its information and reads it. It checks
// the open file, because the path may name another file a moment later.
func read(path string, flags int, check func(fs.FileInfo) error) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|flags, 0)
	if pathErr, ok := err.(*fs.PathError); ok && pathErr.Err == syscall.ELOOP {
		return nil, fmt.Errorf("%s is a symbolic link, but Signet created a regular file", path)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()

	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if err := check(info); err != nil {
		return nil, err
	}

	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return data, err
}

// checkDir returns an error if everyone may replace files in the directory. The
// sticky bit, as on /tmp, prevents that.
func checkDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("the directory %s has mode %04o, which lets everyone on the machine replace files in it: "+
			"chmod o-w it", dir, mode)
	}
	return nil
}

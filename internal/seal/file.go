package seal

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// maxFile bounds what is read of a file that should hold a few lines.
const maxFile = 1 << 20

// ReadFile reads a file that Signet made for itself. It must be a regular file of ours, not a symbolic link, and closed to
// everyone else (mode 0600 or narrower), in a folder where others cannot replace it. An error is a sentence that names the
// file and what to do; a file that is not there is fs.ErrNotExist.
func ReadFile(path string) ([]byte, error) {
	if err := checkFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	return read(path, syscall.O_NOFOLLOW, func(info fs.FileInfo) error {
		if owner := info.Sys().(*syscall.Stat_t).Uid; int(owner) != os.Geteuid() {
			return fmt.Errorf("%s belongs to the user %d, but Signet runs as %d and made it for itself: chown it", path, owner, os.Geteuid())
		}
		if mode := info.Mode().Perm(); mode&^0o600 != 0 {
			return fmt.Errorf("%s has mode %04o, but Signet made it for itself alone: chmod 600 it, and take what it held for known to others", path, mode)
		}
		return nil
	})
}

// WriteFile writes a file that Signet keeps for itself, mode 0600, in one step: whoever reads it, and a crash, finds the
// old content or the new one, whole.
func WriteFile(path string, data []byte) error {
	return viaTemporary(path, data, os.Rename)
}

// createFile is WriteFile for a file that must not be there yet; os.IsExist tells that it was.
func createFile(path string, data []byte) error {
	return viaTemporary(path, data, os.Link) // A link does not replace, unlike a rename.
}

func viaTemporary(path string, data []byte, place func(temporary, path string) error) (err error) {
	folder := filepath.Dir(path)
	if err := checkFolder(folder); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, "."+filepath.Base(path)+".*") // 0600, exclusively.
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // Gone already after a rename.
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = place(f.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncFolder(folder)
}

func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	err = d.Sync()
	if closed := d.Close(); err == nil {
		err = closed
	}
	return err
}

// lockFolder waits until no other process holds the folder of path, and holds it.
func lockFolder(path string) (unlock func(), err error) {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX); err != nil {
		_ = d.Close()
		return nil, err
	}
	return func() { _ = d.Close() }, nil // Closing lets go.
}

// ReadGiven reads a secret file that an operator provides. It may be reached through symbolic links, as Kubernetes mounts
// secrets, and may be readable by a group, but neither readable nor writable by everyone.
func ReadGiven(path string) ([]byte, error) {
	return readGiven(path, func(info fs.FileInfo) error {
		if mode := info.Mode().Perm(); mode&0o006 != 0 {
			return fmt.Errorf("%s has mode %04o, which lets everyone on the machine read or write it: chmod 640 it or narrower (in Kubernetes, defaultMode: 0440)", path, mode)
		}
		return nil
	})
}

// ReadGivenPublic is ReadGiven for a file that holds no secret: everyone may read it, and not write it.
func ReadGivenPublic(path string) ([]byte, error) {
	return readGiven(path, func(info fs.FileInfo) error {
		if mode := info.Mode().Perm(); mode&0o002 != 0 {
			return fmt.Errorf("%s has mode %04o, which lets everyone on the machine write it: chmod o-w it", path, mode)
		}
		return nil
	})
}

func readGiven(path string, check func(fs.FileInfo) error) ([]byte, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	for _, folder := range []string{filepath.Dir(path), filepath.Dir(real)} {
		if err := checkFolder(folder); err != nil {
			return nil, err
		}
	}
	return read(path, 0, check)
}

// read checks the file that it has opened, not the one that the path leads to a moment later.
func read(path string, flags int, check func(fs.FileInfo) error) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|flags, 0)
	if pathErr, ok := err.(*fs.PathError); ok && pathErr.Err == syscall.ELOOP {
		return nil, fmt.Errorf("%s is a symbolic link, but Signet made a plain file", path)
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

// checkFolder refuses a folder in which everyone may replace files. The sticky bit, as on /tmp, forbids just that.
func checkFolder(folder string) error {
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("the folder %s has mode %04o, which lets everyone on the machine replace files in it: chmod o-w it", folder, info.Mode().Perm())
	}
	return nil
}

package privatefile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// maxSize is the largest file in bytes that the package reads. The expected
// files have a few lines.
const maxSize = 1 << 20

// Read reads a file that Signet created. Check and CheckDir must accept the
// file and its directory. For a missing file, the error is fs.ErrNotExist.
func Read(path string) ([]byte, error) {
	if err := CheckDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	return read(path, syscall.O_NOFOLLOW, own.check)
}

// ReadSecret reads a secret file that an operator provides for Signet alone.
// The path may contain symbolic links, as in secrets that Kubernetes mounts. A
// group may read the file if it belongs to another user, or if its mode cannot
// be changed. From a file of this process's user, ReadSecret removes the
// permissions of the group. It is an error if everyone may access the file or
// replace it.
func ReadSecret(path string) ([]byte, error) { return readGiven(path, given.check) }

// ReadShared is ReadSecret for a file that other programs may use too, such as
// the key of a TLS certificate. It does not change the mode of the file.
func ReadShared(path string) ([]byte, error) { return readGiven(path, shared.check) }

// ReadPublic is ReadShared for a file that holds no secret: everyone may read
// the file, but not write it.
func ReadPublic(path string) ([]byte, error) {
	return readGiven(path, func(path string, info fs.FileInfo, _ func(fs.FileMode) error) error {
		if mode := info.Mode().Perm(); mode&0o002 != 0 {
			return fmt.Errorf("%s has mode %04o, which lets everyone on the machine write it: chmod o-w it", path, mode)
		}
		return nil
	})
}

// A checkFunc checks the information of a file. It may change its mode.
type checkFunc func(path string, info fs.FileInfo, chmod func(fs.FileMode) error) error

// readGiven checks the directory in path and the directory of the file to which
// path resolves.
func readGiven(path string, check checkFunc) ([]byte, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{filepath.Dir(path), filepath.Dir(resolved)} {
		if err := CheckDir(dir); err != nil {
			return nil, err
		}
	}
	return read(path, 0, check)
}

// read opens a file, calls check with its information and reads it. It checks
// the open file, because the path may name another file a moment later.
func read(path string, flags int, check checkFunc) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|flags, 0)
	if err != nil {
		return nil, noSymlink(path, err)
	}
	defer func() { _ = f.Close() }()

	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if err := check(path, info, f.Chmod); err != nil {
		return nil, err
	}

	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxSize:
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxSize)
	}
	if data, err = Text(data); err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return data, nil
}

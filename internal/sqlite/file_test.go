package sqlite

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRule18_FilesAreOursAlone: the files that the store makes are for their owner alone, whatever the umask, and it opens
// nothing that was not.
func TestRule18_FilesAreOursAlone(t *testing.T) {
	t.Run("made", filesAreMadeForTheirOwner)
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		want  string
	}{
		"group may read": {func(t *testing.T, path string) { chmod(t, path, 0o640) }, "has mode 0640, which is wider than 0600"},
		"all may read":   {func(t *testing.T, path string) { chmod(t, path, 0o604) }, "has mode 0604, which is wider than 0600"},
		"executable":     {func(t *testing.T, path string) { chmod(t, path, 0o700) }, "has mode 0700, which is wider than 0600"},
		"wal":            {func(t *testing.T, path string) { write(t, path+"-wal", 0o644) }, "-wal has mode 0644"},
		"shm":            {func(t *testing.T, path string) { write(t, path+"-shm", 0o644) }, "-shm has mode 0644"},
		"journal":        {func(t *testing.T, path string) { write(t, path+"-journal", 0o644) }, "-journal has mode 0644"},
		"lock":           {func(t *testing.T, path string) { write(t, path+".lock", 0o644) }, ".lock has mode 0644"},
		"symbolic link": {func(t *testing.T, path string) {
			must(t, os.Rename(path, path+".elsewhere"))
			must(t, os.Symlink(path+".elsewhere", path))
		}, "is a symbolic link"},
		"link to nothing": {func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.Symlink(path+".elsewhere", path))
		}, "is a symbolic link"},
		"directory": {func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.Mkdir(path, 0o700))
		}, "is not a regular file"},
		"world-writable directory": {func(t *testing.T, path string) { chmod(t, filepath.Dir(path), 0o777) }, "can be written to by everybody"},
		"sticky directory": {func(t *testing.T, path string) {
			chmod(t, filepath.Dir(path), 0o777|os.ModeSticky)
		}, "can be written to by everybody"},
		"no directory": {func(t *testing.T, path string) { must(t, os.RemoveAll(filepath.Dir(path))) }, "no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			path := newFile(t)
			c.spoil(t, path)
			refuses(t, path, c.want)
		})
	}
	if os.Geteuid() == 0 { // nobody else can give a file away
		path := newFile(t)
		must(t, os.Chown(path, 65534, 65534))
		refuses(t, path, "belongs to user 65534")
	}
}

func filesAreMadeForTheirOwner(t *testing.T) {
	path := newFile(t)
	must(t, os.Remove(path))
	defer syscall.Umask(syscall.Umask(0))
	s := open(t, path)
	must(t, s.LockServe())
	must(t, s.CreateUser(t.Context(), ann))
	files, err := filepath.Glob(path + "*")
	must(t, err)
	if len(files) != 4 {
		t.Errorf("the files are %q, want the store, its -wal, its -shm and its .lock", files)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o", file, info.Mode().Perm())
		}
	}
}

func refuses(t *testing.T, path, want string) {
	t.Helper()
	s, err := Open(t.Context(), path, Options{})
	if err == nil {
		_ = s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one that says %q", err, want)
	}
}

// newFile returns the path of a sound store that is closed.
func newFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store", "signet.db")
	must(t, os.Mkdir(filepath.Dir(path), 0o700))
	must(t, open(t, path).Close())
	return path
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	must(t, os.Chmod(path, mode))
}

func write(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	must(t, os.WriteFile(path, nil, mode))
	chmod(t, path, mode)
}

func TestOneServerPerFile(t *testing.T) {
	path := newFile(t)
	first, second := open(t, path), open(t, path)
	must(t, first.LockServe())
	err := second.LockServe()
	if err == nil || !strings.Contains(err.Error(), "another server runs on "+path) {
		t.Errorf("the second server: %v", err)
	}
	must(t, second.CreateUser(t.Context(), ann)) // it may still do everything else
	must(t, first.Close())
	must(t, second.LockServe())
}

package sqlite

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Rule 18: only the owner can access the files that the store creates, whatever
// the umask is. The store does not open a file that other users could access.
// It takes permissions away from the group.
func TestRule18_FilesAreForTheirOwnerOnly(t *testing.T) {
	t.Run("created", filesAreCreatedForTheirOwner)
	t.Run("group", groupLosesAccess)
	for name, c := range map[string]struct {
		change func(t *testing.T, path string)
		want   string
	}{
		"readable by all": {chmodStore(0o604), "has mode 0604, which is wider than 0600"},
		"executable":      {chmodStore(0o700), "has mode 0700, which is wider than 0600"},
		"wal":             {createBeside("-wal"), "-wal has mode 0644"},
		"shm":             {createBeside("-shm"), "-shm has mode 0644"},
		"journal":         {createBeside("-journal"), "-journal has mode 0644"},
		"lock":            {createBeside(".lock"), ".lock has mode 0644"},
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
		"world-writable directory": {func(t *testing.T, path string) {
			chmod(t, filepath.Dir(path), 0o777)
		}, "is world-writable"},
		"sticky directory": {func(t *testing.T, path string) {
			chmod(t, filepath.Dir(path), 0o777|os.ModeSticky)
		}, "is world-writable"},
		"no directory": {func(t *testing.T, path string) {
			must(t, os.RemoveAll(filepath.Dir(path)))
		}, "no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			path := newFile(t)
			c.change(t, path)
			rejects(t, path, c.want)
		})
	}
	if os.Geteuid() == 0 { // Only root can change the owner of a file.
		path := newFile(t)
		must(t, os.Chown(path, 65534, 65534))
		rejects(t, path, "belongs to the user 65534")
	}
}

func filesAreCreatedForTheirOwner(t *testing.T) {
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

func groupLosesAccess(t *testing.T) {
	path := newFile(t)
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		f, err := os.OpenFile(path+suffix, os.O_CREATE, 0o600)
		must(t, err)
		must(t, f.Chmod(0o660))
		must(t, f.Close())
	}
	must(t, open(t, path).LockServe())
	files, err := filepath.Glob(path + "*")
	must(t, err)
	for _, file := range files {
		info, err := os.Stat(file)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o", file, info.Mode().Perm())
		}
	}
}

// rejects fails the test if Open does not return an error that contains want.
func rejects(t *testing.T, path, want string) {
	t.Helper()
	s, err := Open(t.Context(), path, Options{})
	if err == nil {
		_ = s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one that contains %q", err, want)
	}
}

// newFile returns the path of a migrated store that is closed.
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

// chmodStore returns a change of the mode of the store's file.
func chmodStore(mode os.FileMode) func(t *testing.T, path string) {
	return func(t *testing.T, path string) { chmod(t, path, mode) }
}

// createBeside returns the creation of an empty file that all can read. Its
// name is that of the store with a suffix.
func createBeside(suffix string) func(t *testing.T, path string) {
	return func(t *testing.T, path string) {
		must(t, os.WriteFile(path+suffix, nil, 0o644))
		chmod(t, path+suffix, 0o644)
	}
}

func TestLockServe_AllowsOneServer(t *testing.T) {
	path := newFile(t)
	first, second := open(t, path), open(t, path)
	must(t, first.LockServe())
	err := second.LockServe()
	if err == nil || !strings.Contains(err.Error(), "another server runs on "+path) {
		t.Errorf("the second server: %v", err)
	}
	must(t, second.CreateUser(t.Context(), ann)) // Every other operation works.
	must(t, first.Close())
	must(t, second.LockServe())
}

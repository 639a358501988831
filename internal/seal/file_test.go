package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Rule 18: LoadOwn rejects a KEK file that everyone may access, with another
// owner, a symbolic link, and a directory in which everyone may replace files.
// It takes permissions away from the group. New files have mode 0600.
func TestRule18_RejectsUnsafeKeyFiles(t *testing.T) {
	create := func(t *testing.T) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "kek")
		if _, err := Create(path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	wantError := func(t *testing.T, path, text string) {
		t.Helper()
		if _, err := LoadOwn(path); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("LoadOwn: got error %v, want an error with %q", err, text)
		}
	}
	chmod := func(t *testing.T, path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("new files have mode 0600", func(t *testing.T) {
		path := create(t)
		if _, err := Append(path, NewKEK()); err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(path)
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("got mode %v, error %v, want 0600", info.Mode(), err)
		}
		if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
			t.Errorf("temporary files remain: %v", files)
		}
	})
	t.Run("mode", func(t *testing.T) {
		path := create(t)
		for _, mode := range []os.FileMode{0o604, 0o602, 0o644, 0o700, 0o601, 0o662} {
			chmod(t, path, mode)
			wantError(t, path, fmt.Sprintf("has mode %04o", mode))
		}
		for _, mode := range []os.FileMode{0o640, 0o660, 0o620, 0o670} {
			chmod(t, path, mode)
			_, err := LoadOwn(path)
			info, errStat := os.Stat(path)
			if err != nil || errStat != nil || info.Mode() != 0o600 {
				t.Errorf("mode %04o: got mode %v, errors %v and %v, want 0600", mode, info.Mode(), err, errStat)
			}
		}
		chmod(t, path, 0o400)
		if _, err := LoadOwn(path); err != nil {
			t.Error(err)
		}
	})
	t.Run("owner", func(t *testing.T) {
		if os.Geteuid() != 0 {
			// Only root can change the owner of a file.
			wantError(t, "/etc/passwd", "belongs to the user 0")
			return
		}
		path := create(t)
		if err := os.Chown(path, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		wantError(t, path, "belongs to the user 65534")
	})
	t.Run("symbolic link", func(t *testing.T) {
		link := filepath.Join(t.TempDir(), "kek")
		if err := os.Symlink(create(t), link); err != nil {
			t.Fatal(err)
		}
		wantError(t, link, "is a symbolic link")
		if _, err := Create(link); err == nil {
			t.Error("symbolic link: Create returned no error")
		}
	})
	t.Run("not a file", func(t *testing.T) {
		wantError(t, t.TempDir(), "is not a regular file")
	})
	t.Run("writable directory", func(t *testing.T) {
		path := create(t)
		chmod(t, filepath.Dir(path), 0o777)
		wantError(t, path, "lets everyone on the machine replace files")
		if _, err := Create(filepath.Join(filepath.Dir(path), "other")); err == nil {
			t.Error("writable directory: Create returned no error")
		}
		chmod(t, filepath.Dir(path), 0o777|os.ModeSticky)
		if _, err := LoadOwn(path); err != nil {
			t.Error(err)
		}
	})
}

// Load accepts symbolic links and files that a group may read. It rejects files
// that everyone may read, write or replace.
func TestLoad_OperatorFile(t *testing.T) {
	kek := NewKEK()
	dir := t.TempDir()
	path := filepath.Join(dir, "kek")
	if err := os.WriteFile(path, []byte(kek.line()), 0o640); err != nil {
		t.Fatal(err)
	}
	// Kubernetes mounts a secret as kek -> ..data/kek, ..data -> ..2026.
	mount := filepath.Join(t.TempDir(), "mount")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(mount, "..2026"), 0o755),
		os.WriteFile(filepath.Join(mount, "..2026", "kek"), []byte(kek.line()), 0o440),
		os.Symlink("..2026", filepath.Join(mount, "..data")),
		os.Symlink(filepath.Join("..data", "kek"), filepath.Join(mount, "kek")),
		os.Chmod(mount, 0o777|os.ModeSticky),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, valid := range []string{path, filepath.Join(mount, "kek")} {
		if keks, err := Load(valid); err != nil || keks.Newest() != kek.ID {
			t.Errorf("Load(%s) = %v, %v, want the KEK %s", valid, keks, err, kek.ID)
		}
	}
	for _, mode := range []os.FileMode{0o644, 0o642, 0o646, 0o604} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("%s has mode %04o", path, mode)
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("mode %04o: got error %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil {
		t.Error("directory in which everyone may replace files: Load returned no error")
	}
	link := filepath.Join(t.TempDir(), "kek")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(link); err == nil {
		t.Error("link into a directory in which everyone may replace files: Load returned no error")
	}
	if _, err := Load(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: got error %v, want fs.ErrNotExist", err)
	}
}

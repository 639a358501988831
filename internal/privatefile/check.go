package privatefile

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"syscall"
)

// Check returns an error if others than this process can access a file that
// Signet created, or if the path is a symbolic link. A missing file is no
// error.
//
// Kubernetes adds permissions for the group of a volume to its files
// (fsGroup). On a file of this process's own user, Check removes them and logs
// that. On a file of root, it accepts them if this process is in the group.
//
// Check does not open the file: closing a second descriptor would release the
// locks of this process on the file (fcntl(2)).
func Check(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a symbolic link, but Signet created a regular file: name the file itself", path)
	}
	return own.check(path, info, func(mode fs.FileMode) error { return os.Chmod(path, mode) })
}

// CheckDir returns an error if everyone may replace files in the directory. The
// sticky bit, as on /tmp, prevents that.
func CheckDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("the directory %s has mode %04o, which lets everyone on the machine replace files in it: "+
			"chmod o-w it, or use a new directory in it", dir, mode)
	}
	return nil
}

// Exposed returns a warning about a file that everyone can access, and "" for
// any other path. It is for files whose secret Signet does not own, such as the
// password of a database: it uses them in any case.
func Exposed(path string) string {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o007 == 0 {
		return ""
	}
	return fmt.Sprintf("%s has mode %04o, which lets everyone on the machine access it: chmod 640 it or narrower",
		path, info.Mode().Perm())
}

// A rule says who may access the files of one kind. No rule lets everyone
// access a file.
type rule struct {
	// created is true for files that Signet created: they belong to this
	// process's user or to root, and are not executable.
	created bool
	// narrow makes check remove the permissions of the group from a file of
	// this process's user.
	narrow bool
}

var (
	own    = rule{created: true, narrow: true}
	given  = rule{narrow: true}
	shared = rule{}
)

// check applies the rule to a file. It calls chmod to change the mode.
func (r rule) check(path string, info fs.FileInfo, chmod func(fs.FileMode) error) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	mode, stat := info.Mode().Perm(), info.Sys().(*syscall.Stat_t)
	mine, root := int(stat.Uid) == os.Geteuid(), stat.Uid == 0
	switch {
	case r.created && !mine && !root:
		return fmt.Errorf("%s belongs to the user %d, but Signet runs as the user %d: "+
			"chown it, or run Signet as its owner (in Kubernetes, runAsUser)", path, stat.Uid, os.Geteuid())
	case r.created && mode&0o107 != 0:
		return fmt.Errorf("%s has mode %04o, which is wider than 0600: run `signet restrict %s` or chmod 600, "+
			"and assume that others have read it", path, mode, path)
	case mode&0o007 != 0:
		return fmt.Errorf("%s has mode %04o, which lets everyone on the machine read or write it: "+
			"chmod 640 it or narrower, or run `signet restrict %s` (in Kubernetes, defaultMode: 0440)",
			path, mode, path)
	case mode&0o070 == 0 || !mine && !r.created || mine && !r.narrow:
		return nil // An operator decides which groups read their files.
	}

	var err error
	if mine {
		if err = removeGroup(path, mode, chmod); err == nil || !r.created {
			return nil // The volume of an operator's file may be read-only.
		}
	}
	member, errGroups := isMember(int(stat.Gid))
	switch {
	case root && member:
		return nil
	case mine:
		return fmt.Errorf("%s has mode %04o, which is wider than 0600, and Signet cannot change it: %w",
			path, mode, err)
	}
	return errors.Join(errGroups, fmt.Errorf("%s belongs to root and has mode %04o for the group %d, "+
		"which is none of this process: chgrp it (in Kubernetes, fsGroup)", path, mode, stat.Gid))
}

// removeGroup removes the permissions of the group and logs that.
func removeGroup(path string, mode fs.FileMode, chmod func(fs.FileMode) error) error {
	if err := chmod(mode &^ 0o070); err != nil {
		return err
	}
	// Some file systems ignore chmod.
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o070 != 0 {
		err = errors.New("the file system does not change modes")
	}
	if err == nil {
		slog.Warn("removed the permissions of the group from a private file",
			"file", path, "mode", fmt.Sprintf("%04o", mode))
	}
	return err
}

// isMember reports whether this process is in a group.
func isMember(gid int) (bool, error) {
	groups, err := os.Getgroups()
	return gid == os.Getegid() || slices.Contains(groups, gid), err
}

// Restrict gives a file the mode 0600 and a directory the mode 0700. It is for
// images without a shell. It returns an error for a symbolic link.
func Restrict(path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return noSymlink(path, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return f.Chmod(0o700)
	case info.Mode().IsRegular():
		return f.Chmod(0o600)
	}
	return fmt.Errorf("%s is neither a regular file nor a directory", path)
}

// noSymlink returns a clear error if O_NOFOLLOW caused err.
func noSymlink(path string, err error) error {
	if errors.Is(err, syscall.ELOOP) {
		return fmt.Errorf("%s is a symbolic link, but Signet created a regular file: name the file itself", path)
	}
	return err
}

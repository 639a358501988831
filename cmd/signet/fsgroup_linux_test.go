package main

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The user of the image, and the group of a volume.
const (
	imageUser   = 65532
	volumeGroup = 2000
	otherGroup  = 3000
)

// A pod is a machine whose server runs as the user of the image, in the group
// of its volume.
type pod struct {
	*machine
	program string
}

func newPod(t *testing.T) *pod {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can start a program as another user")
	}
	p := &pod{newDemoMachine(t, "SIGNET_SHUTDOWN_DRAIN=0s"), filepath.Join(t.TempDir(), "signet")}
	self, err := os.Executable()
	if err == nil {
		err = exec.Command("cp", self, p.program).Run()
	}
	for _, path := range []string{p.program, filepath.Dir(p.program), filepath.Dir(filepath.Dir(p.program))} {
		if err == nil {
			err = os.Chmod(path, 0o755)
		}
	}
	if err == nil {
		err = os.Chown(p.dir, imageUser, imageUser)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.volume(func(path string, _ fs.FileInfo) error { return os.Chown(path, imageUser, imageUser) })
	return p
}

// as makes the command run as the user of the image.
func (p *pod) as(c *exec.Cmd) *exec.Cmd {
	c.Path, c.Err = p.program, nil
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{
		Uid: imageUser, Gid: imageUser, Groups: []uint32{volumeGroup},
	}}
	return c
}

// serves starts the server, waits until it is ready, stops it, and returns its
// log.
func (p *pod) serves(args ...string) string {
	p.t.Helper()
	server := p.prepare(append([]string{"--dev"}, args...)...)
	p.as(server.c)
	if err := server.run().ready().drain(); err != nil {
		p.t.Error(err)
	}
	return server.log.String()
}

// refuses starts the server, which must fail with an error that contains want.
func (p *pod) refuses(want string) {
	p.t.Helper()
	text, err := p.as(p.command("serve", "--dev")).CombinedOutput()
	if err == nil || !strings.Contains(string(text), want) {
		p.t.Errorf("%v, want %q in\n%s", err, want, text)
	}
}

// volume calls change for data_dir and each file in it.
func (p *pod) volume(change func(path string, info fs.FileInfo) error) {
	p.t.Helper()
	err := filepath.WalkDir(filepath.Join(p.dir, "data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return change(path, info)
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// mount does with data_dir what the kubelet does with a volume that has an
// fsGroup: the files get the group, and the group may read and write them. It
// also gives them an owner.
func (p *pod) mount(owner int) {
	p.t.Helper()
	p.volume(func(path string, info fs.FileInfo) error {
		mode := info.Mode() | 0o660
		if info.IsDir() {
			mode |= 0o110 | fs.ModeSetgid
		}
		if err := os.Chown(path, owner, volumeGroup); err != nil {
			return err
		}
		return os.Chmod(path, mode)
	})
}

// Rule 18: a server runs on a volume to whose files the kubelet added
// permissions for the group (fsGroup). It takes the permissions away from its
// own files, and accepts them on files of root if it is in the group.
func TestRule18_VolumeWithFSGroup(t *testing.T) {
	p := newPod(t)
	p.mount(imageUser)
	log := p.serves()
	for _, name := range []string{"kek", "signet.db", "dev.json"} {
		path := filepath.Join("data", name)
		if !strings.Contains(log, "removed the permissions of the group") || !strings.Contains(log, path) {
			t.Errorf("the log does not report %s", path)
		}
		info, err := os.Stat(filepath.Join(p.dir, path))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, mode %v", path, err, info.Mode())
		}
	}
	p.mount(0)
	if log := p.serves(); strings.Contains(log, "removed the permissions") {
		t.Errorf("the server changed files of root:\n%s", log)
	}

	p.mount(0)
	database := filepath.Join(p.dir, "data", "signet.db")
	if err := os.Chown(database, 0, otherGroup); err != nil {
		t.Fatal(err)
	}
	p.refuses(fmt.Sprintf("signet.db belongs to root and has mode 0660 for the group %d", otherGroup))
	if err := os.Chown(database, imageUser+1, volumeGroup); err != nil {
		t.Fatal(err)
	}
	p.refuses(fmt.Sprintf("signet.db belongs to the user %d", imageUser+1))
}

// Rule 18: a KEK file that everyone can access is refused. The error names what
// an image without a shell has.
func TestRule18_ImageWithoutAShell(t *testing.T) {
	p := newPod(t)
	p.mount(imageUser)
	for _, name := range []string{"kek", "signet.db"} {
		path := filepath.Join("data", name)
		if err := os.Chmod(filepath.Join(p.dir, path), 0o664); err != nil {
			t.Fatal(err)
		}
		p.refuses("run `signet restrict ")
		if text, err := p.as(p.command("restrict", path)).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, text)
		}
		p.serves()
	}
}

// A server ignores a configuration file in the home of another user, and logs
// that. It is an error if --config names such a file.
func TestStart_UnreadableHome(t *testing.T) {
	p := newPod(t)
	private := filepath.Join(p.dir, "private")
	if err := os.Mkdir(private, 0o700); err != nil {
		t.Fatal(err)
	}
	p.env = append(p.env, "HOME="+private, "SIGNET_DATA_DIR="+filepath.Join(p.dir, "data"),
		"SIGNET_ISSUER=https://login.example.com")
	log := p.serves()
	if !strings.Contains(log, "a configuration file in a default place is ignored: open "+private) {
		t.Errorf("the log does not report the file:\n%s", log)
	}
	text, err := p.as(p.command("users", "list", "--config", filepath.Join(private, "signet.yaml"))).CombinedOutput()
	if err == nil || !strings.Contains(string(text), "permission denied") {
		t.Errorf("a named file: %v: %s", err, text)
	}
}

// Rule 18: a KEK file in a secret that Kubernetes mounts belongs to root. The
// group of the pod may read it.
func TestRule18_MountedSecret(t *testing.T) {
	p := newPod(t)
	secret := filepath.Join(p.dir, "secret")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(secret, "..2026"), 0o755),
		os.Rename(filepath.Join(p.dir, "data", "kek"), filepath.Join(secret, "..2026", "kek")),
		os.Symlink("..2026", filepath.Join(secret, "..data")),
		os.Symlink(filepath.Join("..data", "kek"), filepath.Join(secret, "kek")),
		os.Chown(filepath.Join(secret, "..2026", "kek"), 0, volumeGroup),
		os.Chmod(filepath.Join(secret, "..2026", "kek"), 0o440),
		os.Chmod(secret, 0o777|fs.ModeSticky|fs.ModeSetgid),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	p.serves("--set", "kek.file=secret/kek")

	// An access control list lets this user read the file, as in the
	// credentials of systemd. The group of the file is another one.
	kek := filepath.Join(secret, "..2026", "kek")
	if err := os.Chown(kek, 0, otherGroup); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setxattr(kek, "system.posix_acl_access", userMayRead(imageUser), 0); err != nil {
		t.Fatal(err)
	}
	p.serves("--set", "kek.file=secret/kek")
}

// userMayRead returns the access control list by which a user may read a file
// in addition to its owner, in the form of the extended attribute (acl(5)).
func userMayRead(user uint32) []byte {
	const none, read, anyone = 0, 4, ^uint32(0)
	list := binary.LittleEndian.AppendUint32(nil, 2) // the version
	for _, e := range []struct {
		tag, permissions uint16
		id               uint32
	}{
		{0x01, read, anyone}, // the owner
		{0x02, read, user},   // the user
		{0x04, none, anyone}, // the group
		{0x10, read, anyone}, // the mask, which stat shows for the group
		{0x20, none, anyone}, // all others
	} {
		list = binary.LittleEndian.AppendUint16(list, e.tag)
		list = binary.LittleEndian.AppendUint16(list, e.permissions)
		list = binary.LittleEndian.AppendUint32(list, e.id)
	}
	return list
}

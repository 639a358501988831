package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/signetd/signet/internal/privatefile"
)

// socketMode is the mode of a Unix socket: the owner and the group may connect.
const socketMode = 0o660

// listenUnix listens on a Unix socket. It replaces a socket that no process
// listens on any more, as after a crash. It returns an error for every other
// file at that path, and if everyone could replace the socket by another one:
// callers would send passwords and tokens to it.
func listenUnix(path string) (net.Listener, error) {
	if err := privatefile.CheckDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := removeSocket(path); err != nil {
		return nil, err
	}
	// On Linux the socket has the mode from the beginning, without the bits of
	// the umask. Elsewhere this does nothing.
	c := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), socketMode) })
	}}
	l, err := c.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, socketMode); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return localListener{l}, nil
}

// removeSocket removes the Unix socket at a path, if there is one and no
// process listens on it.
func removeSocket(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != os.ModeSocket:
		return fmt.Errorf("%s exists and is not a socket", path)
	}

	c, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		_ = c.Close()
		return fmt.Errorf("another process listens on %s", path)
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	}
	return err
}

// A localListener is the listener of a Unix socket. Its connections come from
// 127.0.0.1, so that all rules for callers of this machine apply to them:
// limits, and trusted proxies.
type localListener struct{ net.Listener }

// Accept returns the next connection.
func (l localListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return localConn{c}, nil
}

// A localConn is a connection of a Unix socket.
type localConn struct{ net.Conn }

// RemoteAddr returns 127.0.0.1, because the peer has no address of its own.
func (localConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// addressText returns the address of a listener in the form of the
// configuration.
func addressText(a net.Addr) string {
	if a.Network() == "unix" {
		return "unix:" + a.String()
	}
	return a.String()
}

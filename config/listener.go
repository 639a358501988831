package config

import (
	"net"
	"strings"

	"github.com/signetd/signet/keys"
)

// unixPrefix begins the address of a Unix socket.
const unixPrefix = "unix:"

// maxUnixPath is the maximum length of the path of a Unix socket in bytes. On
// Linux the path and a zero byte have 108 bytes; see unix(7).
const maxUnixPath = 107

// A Listener is the address on which a server listens: HOST:PORT, or unix:PATH
// for a Unix socket.
type Listener struct {
	Address string `yaml:"address"`
}

// IsLoopback reports whether only programs of this machine can connect.
func (l Listener) IsLoopback() bool {
	if _, ok := UnixPath(l.Address); ok {
		return true
	}
	host, _, err := net.SplitHostPort(l.Address)
	return err == nil && keys.IsLoopback(host)
}

// UnixPath returns the path of the Unix socket of an address. ok is false if it
// is another kind of address.
func UnixPath(address string) (path string, ok bool) { return strings.CutPrefix(address, unixPrefix) }

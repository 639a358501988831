package gateways

import (
	"crypto/tls"
	"testing"

	"github.com/signetd/signet/internal/interop/programs"
)

// A gateway is a program with the configuration of a page of docs/gateways.
type gateway struct {
	name string
	// configure writes the configuration into dir, for a gateway that listens
	// on address. It returns the command that runs the gateway.
	configure func(t *testing.T, f *fixture, dir, address string) []string
	// hung and down are the statuses of its responses while the server hangs,
	// and while it is down. The page says them.
	hung, down int
}

// start runs a gateway until the test ends. It returns a browser that uses it.
func (g gateway) start(t *testing.T, f *fixture) browser {
	t.Helper()
	dir := t.TempDir()
	address := programs.FreeAddresses(t, 1)[0]
	command := g.configure(t, f, dir, address)
	programs.Foreign(t, dir, command...)
	await(t, g.name+" listens", func() bool {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: f.roots, ServerName: host})
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return browser{gateway: address, roots: f.roots}
}

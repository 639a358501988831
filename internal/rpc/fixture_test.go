package rpc_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/rpc"
	"github.com/signetd/signet/internal/rpc/rpctest"
)

const (
	username = rpctest.Username
	password = rpctest.Password
	leeway   = rpctest.Leeway
	// identifier is the issuer identifier.
	identifier = rpctest.Issuer
)

var operator = issuertest.Operator

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newFixture(t *testing.T) *rpctest.Fixture {
	t.Helper()
	return rpctest.New(t, rpctest.Options{})
}

// newServer returns a fixture with other options of the server.
func newServer(t *testing.T, edit func(*rpc.Options)) *rpctest.Fixture {
	t.Helper()
	return rpctest.New(t, rpctest.Options{Server: edit})
}

func reason(err error) string { return rpctest.Reason(err) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

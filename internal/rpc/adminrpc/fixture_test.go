package adminrpc_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/rpc/rpctest"
)

const username = rpctest.Username

var operator = issuertest.Operator

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newFixture(t *testing.T) *rpctest.Fixture {
	t.Helper()
	return rpctest.New(t, rpctest.Options{})
}

// takeEvents returns the audit events since the last call.
func takeEvents(f *rpctest.Fixture) []audit.Event {
	events := f.Events.All()
	f.Events.Reset()
	return events
}

func reason(err error) string { return rpctest.Reason(err) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

package grant_test

import (
	"errors"
	"testing"

	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
)

const (
	api      = issuertest.API
	username = issuertest.Username
)

var setup = issuertest.GatewaySetup()

func newFixture(t testing.TB) *issuertest.Gateway {
	t.Helper()
	return issuertest.NewGateway(t, setup)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code oauth.Code) {
	t.Helper()
	if !errors.Is(err, code) {
		t.Fatalf("got %v, want %s", err, code)
	}
}

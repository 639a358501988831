package rpc_test

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A script could read the tokens of the gRPC API. So a client whose logins are
// in cookies gets none, and the password is not verified.
func TestLogin_RefusesAClientWithCookies(t *testing.T) {
	f := newFixture(t)
	for way, want := range map[client.Way]codes.Code{
		client.WayPage: codes.OK, client.WayRefresh: codes.PermissionDenied, client.WaySession: codes.PermissionDenied,
	} {
		id := "app-" + string(way)
		f.Register(t, client.Client{
			ID: id, Public: true, Audiences: []string{"api"},
			Browser: &client.Browser{Way: way, Origins: []string{"https://" + id + ".example"}},
		})
		f.Events.Reset()
		_, err := f.TokenService.Login(f.As(t, id), &signetv1.LoginRequest{Username: username, Password: password})
		if status.Code(err) != want {
			t.Errorf("%s: got %v, want %s", way, err, want)
		}
		logins := f.Events.Count(audit.LoginSucceeded) + f.Events.Count(audit.LoginFailed)
		if want == codes.PermissionDenied && (reason(err) != "UNAUTHORIZED_CLIENT" || logins > 0) {
			t.Errorf("%s: got %v, and the events %v", way, err, f.Events.All())
		}
	}
}

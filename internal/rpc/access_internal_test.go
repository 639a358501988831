package rpc

import (
	"encoding/base64"
	"log/slog"
	"slices"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/metadata"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

var setup = &issuertest.Setup{Clients: []client.Client{{ID: "web"}}}

// Rule 71: Each service has an access rule, and a service without one accepts
// no caller.
func TestRule71_EveryServiceHasAnAccessRule(t *testing.T) {
	s := New(Options{
		Services: Services{
			Token: &TokenService{}, Grant: &GrantService{}, Admin: signetv1.UnimplementedAdminServiceServer{},
			Key: &KeyService{}, Revocation: &RevocationService{}, Authorization: &AuthorizationService{},
		},
		Log: slog.New(slog.DiscardHandler), Reflection: true,
	})
	t.Cleanup(s.server.Stop)
	var registered, withRule []string
	for name := range s.server.GetServiceInfo() {
		registered = append(registered, name)
	}
	for name, rule := range accessRules {
		withRule = append(withRule, name)
		if rule == 0 || rule.accepts(anyone) && rule != anyone {
			t.Errorf("%s has the access rule %b", name, rule)
		}
	}
	slices.Sort(registered)
	slices.Sort(withRule)
	if !slices.Equal(registered, withRule) {
		t.Errorf("registered %q, with an access rule %q", registered, withRule)
	}

	f := issuertest.New(t, setup)
	credentials := "Basic " + base64.StdEncoding.EncodeToString([]byte("web:"+f.Secrets["web"]))
	for _, method := range []string{
		"/signet.v1.Forgotten/Call", "", "/", "//", "signet.v1.Forgotten", "/signet.v1.TokenServic/Login",
	} {
		ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", credentials))
		err := interceptor{registry: f.Registry}.authorize(ctx, rulesOf(true).of(method), &client.Caller{})
		if got := detail[*errdetails.ErrorInfo](translate(ctx, err)).GetReason(); got != "ACCESS_DENIED" {
			t.Errorf("%q: %v", method, err)
		}
	}
}

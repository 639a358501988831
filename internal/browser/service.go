package browser

import (
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/login"
)

// Options configures a Service. Every field is required.
type Options struct {
	Registry *client.Registry
	Logins   *login.Service
	Grants   *grant.Service
	Issuer   *issuer.Issuer
}

// A Service logs users in and out in the browser, and renews their logins.
type Service struct{ o Options }

// New returns a Service.
func New(o Options) *Service { return &Service{o} }

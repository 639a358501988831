package verify

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/signetd/signet/internal/jws"
)

// Options configures a Verifier. Only Audience is required.
type Options struct {
	// Audience is the identifier of this service: one of the values of aud
	// of each token for it.
	Audience string
	// Revocation is the policy about revoked tokens. The zero value does
	// not check for revocations.
	Revocation Policy
	// Client authenticates this service to the issuer. It is needed for
	// Introspect, and if the issuer shows its feed to clients only.
	Client Client
	// Leeway is how far the clocks of the issuer and of this service may
	// differ: at most a minute. Zero means 5 s; a negative value means 0.
	Leeway time.Duration
	// Resource is the URL of this service, for its metadata (RFC 9728) and
	// for the challenges of the Middleware. If it is empty, there are none.
	Resource string
	// Name is the name by which operators of the issuer see this instance:
	// 1 to 64 letters, digits, dots, underscores and hyphens. It may be
	// empty.
	Name string
	// HTTP sends the requests to the issuer, without its redirect policy,
	// cookies and time limit. After a failure, and by Close, its idle
	// connections are closed. If it is nil, a client for this Verifier is
	// used.
	HTTP *http.Client
	// Log gets changes of the state. If it is nil, it is slog.Default.
	Log *slog.Logger
}

// A Client is a client of the issuer that has a secret.
type Client struct{ ID, Secret string }

// defaultLeeway and maxLeeway are the bounds of Options.Leeway.
const defaultLeeway, maxLeeway = 5 * time.Second, time.Minute

var validName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// complete returns the options with their defaults, or all their faults.
func (o Options) complete() (Options, error) {
	var faults []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(o.Audience == "", "Audience is missing")
	fault(o.Audience != "" && (len(o.Audience) > jws.MaxAudienceID || !jws.ValidToken(o.Audience)),
		"Audience %.300q cannot be the audience of a token", o.Audience)
	if err := o.Revocation.check(); err != nil {
		fault(true, "Revocation: %w", err)
	}
	fault((o.Client.ID == "") != (o.Client.Secret == ""), "Client needs both ID and Secret")
	fault(o.Revocation.mode == introspect && o.Client.ID == "", "Introspect needs a Client")
	fault(o.Leeway > maxLeeway, "Leeway is %v; want at most %v", o.Leeway, maxLeeway)
	fault(o.Name != "" && !validName.MatchString(o.Name),
		"Name %.100q has other characters than letters, digits, dots, underscores and hyphens, or more than 64", o.Name)
	if o.Resource != "" {
		u, err := url.Parse(o.Resource)
		fault(err != nil || u.Scheme == "" || u.Host == "" || u.Fragment != "",
			"Resource %.300q is not a URL without a fragment", o.Resource)
	}

	o.Leeway = max(0, cmp.Or(o.Leeway, defaultLeeway))
	o.Log = cmp.Or(o.Log, slog.Default())
	return o, errors.Join(faults...)
}

// parseIssuer returns the URL of an issuer identifier.
func parseIssuer(identifier string) (*url.URL, error) {
	u, err := checkURL(identifier)
	switch {
	case err != nil:
		return nil, err
	case u.String() != identifier || strings.ContainsAny(identifier, "?#"):
		return nil, fmt.Errorf("%q is not an issuer identifier: it has a query", identifier)
	}
	return u, nil
}

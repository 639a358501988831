package admin

import (
	"slices"
	"strings"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// errCertSAN is the error for a name that client.ValidCertSAN does not accept.
var errCertSAN = oauth.Fail(
	oauth.InvalidRequest, "A certificate name is dns:NAME in lower case, uri:URI, email:ADDRESS or ip:ADDRESS, "+
		"without a wildcard.",
)

// The greatest limits of a client's grants.
const (
	maxLeeway        = time.Minute
	maxGrantsPerUser = 10_000
)

// check rejects a client that is not valid, or that does not fit the other
// clients and the audiences of the directory.
func (a *Clients) check(c client.Client, d client.Directory) error {
	return a.checkAmong(c, newOthers(d))
}

// checkAmong is check with the others of the directory.
func (a *Clients) checkAmong(c client.Client, o others) error {
	if err := checkClientID(c.ID); err != nil {
		return err
	}
	if err := a.checkGrants(c); err != nil {
		return err
	}
	switch {
	case !client.ValidName(c.Name):
		return oauth.Fail(oauth.InvalidRequest, "A name has at most 256 bytes and no control characters.")
	case len(c.Audiences) > client.MaxAudiences:
		return oauth.Fail(oauth.InvalidRequest, "A client has at most 256 audiences.")
	case c.Public && len(c.Keys) > 0:
		return oauth.Fail(oauth.InvalidRequest, "A public client has no keys: it identifies itself by its id alone.")
	case len(c.Keys) > client.MaxKeys:
		return oauth.Fail(oauth.InvalidRequest, "A client has at most 8 keys.")
	case c.Public && (c.MintSubjects || len(c.CertSANs) > 0):
		return oauth.Fail(oauth.InvalidRequest,
			"A public client has no certificate and may not mint, because it does not authenticate.")
	case c.Public && len(c.IntrospectAudiences) > 0:
		return oauth.Fail(oauth.InvalidRequest, "A public client may not introspect, because it does not authenticate.")
	case len(c.IntrospectAudiences) > client.MaxAudiences:
		return oauth.Fail(oauth.InvalidRequest, "A client may introspect the tokens of at most 256 audiences.")
	}
	if _, err := oauth.ParseScope(c.Scope.String()); err != nil {
		return err
	}
	for _, name := range slices.Concat(c.Audiences, c.IntrospectAudiences) {
		if !o.audiences[name] {
			return unknownAudience(name)
		}
	}
	if err := checkBrowser(c, o); err != nil {
		return err
	}
	if err := checkCORSOrigins(c); err != nil {
		return err
	}
	return checkCertSANs(c, o)
}

// unknownAudience returns the error for an audience that does not exist. It
// names only what can be an audience.
func unknownAudience(name string) error {
	if !oauth.ValidAudienceID(name) {
		return oauth.Fail(oauth.FailedPrecondition, "The client has an audience that is no identifier.")
	}
	return oauth.Fail(oauth.FailedPrecondition, "The audience '"+name+"' does not exist; create it first.")
}

// checkClientID rejects an id that is malformed or could be another subject or
// actor. The sub of a client's own tokens is its id, which must not look like a
// user's (RFC 9068 §5). The store rejects the id of a user. The audit log has
// other actors beside clients.
func checkClientID(id string) error {
	switch {
	case !oauth.ValidClientID(id):
		return oauth.Fail(oauth.InvalidRequest,
			"A client id has 1 to 128 printable ASCII characters without space, quote and backslash.")
	case strings.HasPrefix(id, oauth.UserIDPrefix):
		return oauth.Fail(oauth.InvalidRequest, "A client id must not begin with usr_, because the ids of users do.")
	case isReservedActor(id):
		return oauth.Fail(oauth.InvalidRequest,
			"A client id must not be server or begin with operator:, "+
				"because the audit log has other actors of these names.")
	}
	return nil
}

// isReservedActor reports whether an id is an actor of the audit log that is
// neither a client nor a user.
func isReservedActor(id string) bool { return id == "server" || strings.HasPrefix(id, "operator:") }

// checkGrants rejects lifetimes and limits of grants outside their bounds.
func (a *Clients) checkGrants(c client.Client) error {
	invalid := func(d time.Duration) bool { return d < 0 || d > a.maxRefresh || d != 0 && d < time.Second }
	switch {
	case invalid(c.RefreshIdle):
		return oauth.Fail(oauth.InvalidRequest, "The idle lifetime must be 1s to refresh.max_lifetime.")
	case invalid(c.RefreshAbsolute):
		return oauth.Fail(oauth.InvalidRequest, "The absolute lifetime must be 1s to refresh.max_lifetime.")
	case c.Leeway != nil && (*c.Leeway < 0 || *c.Leeway > maxLeeway):
		return oauth.Fail(oauth.InvalidRequest, "The leeway must be 0s to 60s.")
	case c.RetryWindow != nil && (*c.RetryWindow < 0 || *c.RetryWindow > grant.MaxRetryWindow):
		return oauth.Fail(oauth.InvalidRequest, "The retry window must be 0s to 24h.")
	case c.GrantsPerUser != nil && (*c.GrantsPerUser < 0 || *c.GrantsPerUser > maxGrantsPerUser):
		return oauth.Fail(oauth.InvalidRequest, "The grants per user must be 0 to 10000; 0 is no limit.")
	}
	return nil
}

// checkCertSANs rejects names that are malformed, or that another client has.
func checkCertSANs(c client.Client, o others) error {
	if len(c.CertSANs) > oauth.MaxCertSANs {
		return oauth.Fail(oauth.InvalidRequest, "A client has at most 16 certificate names.")
	}
	for _, san := range c.CertSANs {
		if !client.ValidCertSAN(san) {
			return errCertSAN
		}
		if isTaken(o.certSANs[san], c.ID) {
			return oauth.Fail(oauth.FailedPrecondition, "Another client has this certificate name.")
		}
	}
	return nil
}

// ReadClientKeys reads the public keys of a client from a JWK Set (RFC 7517
// §5).
func ReadClientKeys(jwks []byte) ([]client.Key, error) {
	set, err := keys.ParseClientKeys(jwks)
	if err != nil { // its text is constant
		return nil, oauth.Fail(oauth.InvalidRequest, "The JWK Set cannot be used: "+err.Error()+".")
	}
	all := make([]client.Key, len(set))
	for n, k := range set {
		all[n] = client.Key{ID: k.ID, Algorithm: k.Algorithm, Public: k.Public}
	}
	return all, nil
}

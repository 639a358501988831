package rpc

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// An accessRule is the set of callers that a service accepts. The empty set
// accepts no caller.
type accessRule uint8

const (
	// anyone needs no credentials.
	anyone accessRule = 1 << iota
	// clients authenticate with one of the methods of authenticateClient.
	clients
	// admins have an access token whose audience is the issuer and whose scope
	// has signet.admin, or are clients that have this scope and authenticate
	// with a certificate. A client secret is not sufficient.
	admins
	// bearers are clients with an access token in their own name, whose
	// audience is the issuer.
	bearers
)

// accessRules are the access rules of all services, by service name. A service
// that is not in the table accepts no caller.
var accessRules = map[string]accessRule{
	signetv1.TokenService_ServiceDesc.ServiceName: clients,
	signetv1.GrantService_ServiceDesc.ServiceName: clients | admins,
	signetv1.AdminService_ServiceDesc.ServiceName: admins,
	signetv1.KeyService_ServiceDesc.ServiceName:   anyone,
	revocationService: anyone,
	authv3.Authorization_ServiceDesc.ServiceName: clients,
	healthv1.Health_ServiceDesc.ServiceName:      anyone,
	"grpc.reflection.v1.ServerReflection":        anyone,
	"grpc.reflection.v1alpha.ServerReflection":   anyone,
}

// methodRules are the access rules of the methods whose rule is not that of the
// service, by full method name.
var methodRules = map[string]accessRule{
	signetv1.TokenService_Introspect_FullMethodName: clients | bearers,
}

var revocationService = signetv1.RevocationService_ServiceDesc.ServiceName

// A ruleSet has the access rules of a server, by service name or full method
// name.
type ruleSet map[string]accessRule

// rulesOf returns accessRules and methodRules. If feedForClients is true, only
// clients may read the feed of revocations.
func rulesOf(feedForClients bool) ruleSet {
	rules := maps.Clone(accessRules)
	maps.Copy(rules, methodRules)
	if feedForClients {
		rules[revocationService] = clients
	}
	return rules
}

// of returns the access rule of a full method name, which is
// /package.Service/Method.
func (r ruleSet) of(method string) accessRule {
	if rule, ok := r[method]; ok {
		return rule
	}
	service, _, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	return r[service]
}

// accepts reports whether one of these callers is in the rule.
func (r accessRule) accepts(callers accessRule) bool { return r&callers != 0 }

var (
	errNoRule     = errors.New("the service has no access rule")
	errSecretOnly = errors.New("the service does not accept a client secret")
	errNoAdmin    = errors.New("the credentials are valid but lack the scope signet.admin")
)

// authorize authenticates the caller by the access rule and completes caller.
// Missing or invalid credentials, and credentials of a kind that the service
// does not accept, are invalid_client. Valid credentials that lack the scope of
// administrators are access_denied.
func (i interceptor) authorize(ctx context.Context, rule accessRule, caller *client.Caller) error {
	switch {
	case rule == 0:
		return oauth.Refused(oauth.AccessDenied, errNoRule)
	case rule.accepts(anyone):
		return nil
	case rule.accepts(admins | bearers):
		bearer, ok := oauth.ParseBearer(metadata.ValueFromIncomingContext(ctx, "authorization"))
		if ok {
			return i.authorizeBearer(ctx, rule, bearer, caller)
		}
	}

	c, byCertificate, err := authenticateClient(ctx, i.registry)
	if err != nil {
		return err
	}
	if !rule.accepts(clients) && !byCertificate {
		return oauth.RefusedClient("", c.ID, errSecretOnly)
	}
	caller.Client = c
	caller.Admin = rule.accepts(admins) && byCertificate && slices.Contains(c.Scope, client.AdminScope)
	if !rule.accepts(clients) && !caller.Admin {
		return oauth.Refused(oauth.AccessDenied, errNoAdmin)
	}
	return nil
}

// authorizeBearer authenticates the caller by an access token.
func (i interceptor) authorizeBearer(
	ctx context.Context, rule accessRule, bearer string, caller *client.Caller,
) (err error) {
	if rule.accepts(bearers) {
		caller.Client, err = i.inspector.ClientBearer(ctx, bearer)
		return err
	}

	found, err := i.inspector.Bearer(ctx, bearer)
	if err != nil {
		return err
	}
	caller.Client, caller.Subject, caller.Admin = found.Client, found.Subject, found.Admin
	if !caller.Admin {
		return oauth.Refused(oauth.AccessDenied, errNoAdmin)
	}
	return nil
}

package rpc

import (
	"context"
	"errors"
	"slices"
	"strings"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// An admission says who may call a service: nobody, or any of these.
type admission uint8

const (
	// everybody needs no credentials.
	everybody admission = 1 << iota
	// clients prove themselves as authenticate has it.
	clients
	// admins come with an access token that is for the issuer and has the scope signet.admin, or are clients that have this
	// scope and prove themselves by their certificate. A client's secret is not enough.
	admins
)

// admissions are those of all services behind this door. One that is not here lets nobody in.
var admissions = map[string]admission{
	signetv1.TokenService_ServiceDesc.ServiceName: clients,
	signetv1.GrantService_ServiceDesc.ServiceName: clients | admins,
	signetv1.AdminService_ServiceDesc.ServiceName: admins,
	signetv1.KeyService_ServiceDesc.ServiceName:   everybody,
	healthv1.Health_ServiceDesc.ServiceName:       everybody,
	"grpc.reflection.v1.ServerReflection":         everybody,
	"grpc.reflection.v1alpha.ServerReflection":    everybody,
}

// admissionTo returns that of the service of a method: /package.Service/Method.
func admissionTo(method string) admission {
	service, _, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	return admissions[service]
}

var (
	errClosed     = errors.New("the service admits nobody")
	errSecretOnly = errors.New("a client's secret is not enough for this service")
	errNoAdmin    = errors.New("the credentials are good and lack the scope signet.admin")
)

// identify finds out who calls, if the service wants to know. No or bad credentials, and those of a kind that the service does
// not take, are invalid_client; good ones that may not administer are access_denied.
func (i interceptor) identify(ctx context.Context, who admission, caller *issuer.Caller) error {
	switch {
	case who == 0:
		return oauth.Refused(oauth.AccessDenied, errClosed)
	case who&everybody != 0:
		return nil
	case who&admins != 0:
		bearer, ok := oauth.ParseBearer(metadata.ValueFromIncomingContext(ctx, "authorization"))
		if ok {
			return i.identifyBearer(ctx, bearer, caller)
		}
	}
	client, certified, err := authenticate(ctx, i.directory)
	if err != nil {
		return err
	}
	if who&clients == 0 && !certified {
		return oauth.Refused(oauth.InvalidClient, errSecretOnly)
	}
	caller.Client = client
	caller.Admin = who&admins != 0 && certified && slices.Contains(client.Scope, issuer.AdminScope)
	if who&clients == 0 && !caller.Admin {
		return oauth.Refused(oauth.AccessDenied, errNoAdmin)
	}
	return nil
}

// identifyBearer finds out who presents an access token. Nobody needs one but those who administer.
func (i interceptor) identifyBearer(ctx context.Context, bearer string, caller *issuer.Caller) error {
	found, err := i.issuer.Bearer(ctx, bearer)
	if err != nil {
		return err
	}
	caller.Client, caller.Subject, caller.Admin = found.Client, found.Subject, found.Admin
	if !caller.Admin {
		return oauth.Refused(oauth.AccessDenied, errNoAdmin)
	}
	return nil
}

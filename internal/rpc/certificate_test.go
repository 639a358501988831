package rpc_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/certtest"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/rpc"
	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// newTLSFixture returns a fixture whose server accepts client certificates, and
// the authority that issues them. The client gw has registered two names and
// has a secret too. The client other has registered one name.
func newTLSFixture(t *testing.T) (*rpctest.Fixture, *certtest.Authority) {
	t.Helper()
	authority := certtest.NewAuthority(t)
	f := newServer(t, func(o *rpc.Options) {
		o.TLS = &tls.Config{
			Certificates: []tls.Certificate{authority.Server(t, time.Hour).TLS(t)},
			ClientAuth:   tls.VerifyClientCertIfGiven, ClientCAs: authority.Pool(),
		}
	})
	f.Register(t, client.Client{
		ID: "gw", CertSANs: []string{"dns:gw.example", "uri:spiffe://example/gw"},
		Audiences: []string{"api"}, Scope: oauth.NewScope("read"),
	})
	setCertSAN(t, f, "other", "dns:other.example")
	return f, authority
}

// setCertSAN registers the name of a client's certificate.
func setCertSAN(t *testing.T, f *rpctest.Fixture, id, san string) {
	t.Helper()
	must(t, f.Admin.UpdateClient(t.Context(), operator, id, func(c *client.Client) { c.CertSANs = []string{san} }))
	f.Poll(t)
}

// dial returns a connection with this client certificate, or without one if own
// is nil.
func dial(t *testing.T, f *rpctest.Fixture, authority *certtest.Authority, own *certtest.Pair) *grpc.ClientConn {
	t.Helper()
	c := &tls.Config{RootCAs: authority.Pool()}
	if own != nil {
		c.Certificates = []tls.Certificate{own.TLS(t)}
	}
	conn, err := grpc.NewClient(f.Address, grpc.WithTransportCredentials(credentials.NewTLS(c)))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestCertificateAuthenticatesClient(t *testing.T) {
	t.Parallel() // it mostly waits
	f, authority := newTLSFixture(t)
	const urlID = "https://gw.example"
	f.Register(t, client.Client{ID: urlID, CertSANs: []string{"dns:url.example"}})
	client := func(edit func(*x509.Certificate)) *certtest.Pair {
		p := authority.Issue(t, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
			edit(c)
		})
		return &p
	}
	names := func(dns ...string) *certtest.Pair { return client(func(c *x509.Certificate) { c.DNSNames = dns }) }
	gw := names("gw.example")
	byURL := names("url.example")
	anyUsage := client(func(c *x509.Certificate) { c.DNSNames, c.ExtKeyUsage = []string{"gw.example"}, nil })
	commonName := client(func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "gw.example"} })
	email := client(func(c *x509.Certificate) { c.EmailAddresses = []string{"gw.example@gw.example"} })
	basic := rpctest.Basic
	for name, c := range map[string]struct {
		own           *certtest.Pair
		authorization []string
		want          string // the authenticated client; empty for invalid_client
	}{
		"certificate alone":          {gw, nil, "gw"},
		"with its id":                {gw, []string{basic("gw", "")}, "gw"},
		"with its id, a URL":         {byURL, []string{basic(urlID, "")}, urlID},
		"with its id, encoded":       {byURL, []string{basic("https%3A%2F%2Fgw.example", "")}, urlID},
		"another id, a URL":          {gw, []string{basic(urlID, "")}, ""},
		"a URL and its secret":       {gw, []string{basic(urlID, f.Secrets[urlID])}, urlID},
		"a URL and another's secret": {byURL, []string{basic(urlID, f.Secrets["gw"])}, ""},
		"a name in upper case":       {names("GW.Example"), nil, "gw"},
		"with an unregistered name":  {names("a.example", "gw.example"), nil, "gw"},
		"another client's secret":    {gw, []string{f.Basic("web")}, "web"},
		"its own secret":             {gw, []string{f.Basic("gw")}, "gw"},
		"a public client's id":       {gw, []string{f.Basic("spa")}, "spa"},
		"invalid secret":             {gw, []string{basic("gw", "wrong")}, ""},
		"another id":                 {gw, []string{basic("web", "")}, ""},
		"another id with a name":     {gw, []string{basic("other", "")}, ""},
		"an unknown id":              {gw, []string{basic("nobody", "")}, ""},
		"malformed":                  {gw, []string{"Basic x"}, ""},
		"repeated":                   {gw, []string{basic("gw", ""), basic("gw", "")}, ""},
		"empty":                      {gw, []string{""}, ""},
		"id without certificate":     {nil, []string{basic("gw", "")}, ""},
		"missing":                    {nil, nil, ""},
		"secret without certificate": {nil, []string{f.Basic("gw")}, "gw"},
		"an unknown name":            {names("gw2.example"), nil, ""},
		"parent and subdomain":       {names("example", "sub.gw.example"), nil, ""},
		"a wildcard":                 {names("*.example"), nil, ""},
		"names of two clients":       {names("gw.example", "other.example"), nil, ""},
		"names of two, and an id":    {names("gw.example", "other.example"), []string{basic("gw", "")}, "gw"},
		"common name":                {commonName, nil, ""},
		"the name in an email":       {email, nil, ""},
		"no extended key usage":      {anyUsage, nil, ""},
		"no usage, public client id": {anyUsage, []string{f.Basic("spa")}, "spa"},
	} {
		f.Logs.Reset()
		tokens := signetv1.NewTokenServiceClient(dial(t, f, authority, c.own))
		_, err := tokens.Introspect(
			rpctest.WithAuthorization(t, c.authorization...), &signetv1.IntrospectRequest{Token: "x"},
		)
		line := f.Logs.Line(t, "call")
		if (err == nil) != (c.want != "") || line["client_id"] != c.want {
			t.Errorf("%s: %v as %v, want %q", name, err, line["client_id"], c.want)
		}
		if err != nil && (status.Code(err) != codes.Unauthenticated || reason(err) != "INVALID_CLIENT") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A change of the registered names applies at once, also to connections that
// exist already. An expired certificate is rejected on them too.
func TestCertificateIsComparedWithCurrentNames(t *testing.T) {
	f, authority := newTLSFixture(t)
	own := authority.Client(t, "new.example")
	tokens := signetv1.NewTokenServiceClient(dial(t, f, authority, &own))
	check := func(want bool) {
		t.Helper()
		_, err := tokens.Introspect(rpctest.Context(t), &signetv1.IntrospectRequest{Token: "x"})
		if (err == nil) != want {
			t.Errorf("Introspect: %v, want success %v", err, want)
		}
	}
	setCertSAN(t, f, "web", "dns:new.example")
	check(true)
	must(t, f.Admin.DisableClient(t.Context(), operator, "web"))
	f.Poll(t)
	check(false)
	must(t, f.Admin.EnableClient(t.Context(), operator, "web"))
	f.Poll(t)
	check(true)
	f.Pass(t, 25*time.Hour) // the certificate is valid for a day
	check(false)
	const cause = "the certificate has expired or is not for client authentication"
	if line := f.Logs.Line(t, "call"); line["cause"] != cause || line["claimed"] != "dns:new.example" ||
		line["auth_method"] != "tls_client_auth" {
		t.Errorf("logged %v", line)
	}
}

// Rule 71: A client that has the scope of administrators must authenticate with
// its certificate; its secret is not sufficient.
func TestRule71_AdministrationByCertificate(t *testing.T) {
	f, authority := newTLSFixture(t)
	setCertSAN(t, f, "ops", "dns:ops.example")
	ops, gw := authority.Client(t, "ops.example"), authority.Client(t, "gw.example")
	for name, c := range map[string]struct {
		own           *certtest.Pair
		authorization []string
		want          string // the reason; empty for success
	}{
		"its certificate":            {&ops, nil, ""},
		"with its id":                {&ops, []string{rpctest.Basic("ops", "")}, ""},
		"an access token":            {&gw, []string{"Bearer " + f.AdminToken(t, nil)}, ""},
		"without the scope":          {&gw, nil, "ACCESS_DENIED"},
		"its secret":                 {nil, []string{f.Basic("ops")}, "INVALID_CLIENT"},
		"its secret, beside it":      {&ops, []string{f.Basic("ops")}, "INVALID_CLIENT"},
		"another's secret":           {&ops, []string{f.Basic("web")}, "INVALID_CLIENT"},
		"a public client's id":       {&ops, []string{f.Basic("kiosk")}, "INVALID_CLIENT"},
		"its id, without":            {nil, []string{rpctest.Basic("ops", "")}, "INVALID_CLIENT"},
		"a bad access token":         {&ops, []string{"Bearer x"}, "INVALID_CLIENT"},
		"another scheme":             {&ops, []string{"Negotiate x"}, "INVALID_CLIENT"},
		"missing":                    {nil, nil, "INVALID_CLIENT"},
		"another client's, and name": {&gw, []string{rpctest.Basic("ops", "")}, "INVALID_CLIENT"},
	} {
		admins := signetv1.NewAdminServiceClient(dial(t, f, authority, c.own))
		_, err := admins.ListKeys(rpctest.WithAuthorization(t, c.authorization...), &signetv1.ListKeysRequest{})
		if (err == nil) != (c.want == "") || reason(err) != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

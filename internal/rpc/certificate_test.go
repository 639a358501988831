package rpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/certtest"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// openSecureHouse opens a house whose door speaks TLS and knows the authority of the clients' certificates. The client gw is
// known by two names, and has a secret beside them.
func openSecureHouse(t *testing.T) (*house, *certtest.Authority) {
	t.Helper()
	authority := certtest.NewAuthority(t)
	h := openHouse(t, func(o *Options) {
		o.TLS = &tls.Config{
			Certificates: []tls.Certificate{authority.Server(t, time.Hour).TLS(t)},
			ClientAuth:   tls.VerifyClientCertIfGiven, ClientCAs: authority.Pool(),
		}
	})
	var err error
	_, h.secrets["gw"], err = h.admin.CreateClient(t.Context(), operator, client.Client{
		ID: "gw", CertSANs: []string{"dns:gw.example", "uri:spiffe://example/gw"}, Audiences: []string{"api"}, Scope: oauth.NewScope("read"),
	})
	must(t, err)
	must(t, h.admin.UpdateClient(t.Context(), operator, "other", func(c *client.Client) { c.CertSANs = []string{"dns:other.example"} }))
	must(t, h.directory.Poll(t.Context()))
	return h, authority
}

// by returns the door as a caller with this certificate meets it.
func (h *house) by(t *testing.T, authority *certtest.Authority, own *certtest.Pair) signetv1.TokenServiceClient {
	return signetv1.NewTokenServiceClient(h.over(t, authority, own))
}

// over returns a connection on which the caller has this certificate.
func (h *house) over(t *testing.T, authority *certtest.Authority, own *certtest.Pair) *grpc.ClientConn {
	t.Helper()
	c := &tls.Config{RootCAs: authority.Pool()}
	if own != nil {
		c.Certificates = []tls.Certificate{own.TLS(t)}
	}
	conn, err := grpc.NewClient(h.address, grpc.WithTransportCredentials(credentials.NewTLS(c)))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func withAuthorization(t *testing.T, values ...string) context.Context {
	return metadata.NewOutgoingContext(soon(t), metadata.MD{"authorization": values})
}

func TestClientsByCertificate(t *testing.T) {
	h, authority := openSecureHouse(t)
	client := func(edit func(*x509.Certificate)) *certtest.Pair {
		p := authority.Issue(t, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
			edit(c)
		})
		return &p
	}
	names := func(dns ...string) *certtest.Pair { return client(func(c *x509.Certificate) { c.DNSNames = dns }) }
	gw := names("gw.example")
	basic := func(id, secret string) string { return "Basic " + encoded(id+":"+secret) }
	for name, c := range map[string]struct {
		own           *certtest.Pair
		authorization []string
		want          string // the client; empty for none
	}{
		"certificate alone":          {gw, nil, "gw"},
		"with its id":                {gw, []string{basic("gw", "")}, "gw"},
		"a name in upper case":       {names("GW.Example"), nil, "gw"},
		"beside names of nobody":     {names("a.example", "gw.example"), nil, "gw"},
		"a secret decides":           {gw, []string{h.basic("web")}, "web"},
		"its own secret":             {gw, []string{h.basic("gw")}, "gw"},
		"a public client's id":       {gw, []string{h.basic("spa")}, "spa"},
		"a wrong secret":             {gw, []string{basic("gw", "wrong")}, ""},
		"another's id":               {gw, []string{basic("web", "")}, ""},
		"another's id, also known":   {gw, []string{basic("other", "")}, ""},
		"an unknown id":              {gw, []string{basic("nobody", "")}, ""},
		"malformed":                  {gw, []string{"Basic x"}, ""},
		"twice":                      {gw, []string{basic("gw", ""), basic("gw", "")}, ""},
		"empty":                      {gw, []string{""}, ""},
		"id without certificate":     {nil, []string{basic("gw", "")}, ""},
		"nothing":                    {nil, nil, ""},
		"secret without certificate": {nil, []string{h.basic("gw")}, "gw"},
		"an unknown name":            {names("gw2.example"), nil, ""},
		"a part of the name":         {names("example", "sub.gw.example"), nil, ""},
		"a wildcard":                 {names("*.example"), nil, ""},
		"the names of two":           {names("gw.example", "other.example"), nil, ""},
		"the names of two, and one":  {names("gw.example", "other.example"), []string{basic("gw", "")}, "gw"},
		"the subject's name":         {client(func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "gw.example"} }), nil, ""},
		"the name as an address":     {client(func(c *x509.Certificate) { c.EmailAddresses = []string{"gw.example@gw.example"} }), nil, ""},
		"for any use":                {client(func(c *x509.Certificate) { c.DNSNames, c.ExtKeyUsage = []string{"gw.example"}, nil }), nil, ""},
		"for any use, a public id":   {client(func(c *x509.Certificate) { c.DNSNames, c.ExtKeyUsage = []string{"gw.example"}, nil }), []string{h.basic("spa")}, "spa"},
	} {
		h.logs.reset()
		_, err := h.by(t, authority, c.own).Introspect(withAuthorization(t, c.authorization...), &signetv1.IntrospectRequest{Token: "x"})
		line := h.logs.line(t, "call")
		if (err == nil) != (c.want != "") || line["client_id"] != c.want {
			t.Errorf("%s: %v as %v, want %q", name, err, line["client_id"], c.want)
		}
		if err != nil && (status.Code(err) != codes.Unauthenticated || reason(err) != "INVALID_CLIENT") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is registered or taken back holds at once, also on a connection that is there already, and no longer than the
// certificate is valid.
func TestCertificateIsHeldAgainstWhatIsRegisteredNow(t *testing.T) {
	h, authority := openSecureHouse(t)
	own := authority.Client(t, "new.example")
	door := h.by(t, authority, &own)
	ask := func(want bool) {
		t.Helper()
		if _, err := door.Introspect(soon(t), &signetv1.IntrospectRequest{Token: "x"}); (err == nil) != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
	must(t, h.admin.UpdateClient(t.Context(), operator, "web", func(c *client.Client) { c.CertSANs = []string{"dns:new.example"} }))
	must(t, h.directory.Poll(t.Context()))
	ask(true)
	must(t, h.admin.DisableClient(t.Context(), operator, "web"))
	must(t, h.directory.Poll(t.Context()))
	ask(false)
	must(t, h.admin.EnableClient(t.Context(), operator, "web"))
	must(t, h.directory.Poll(t.Context()))
	ask(true)
	h.clock.advance(25 * time.Hour) // the certificate has a day
	ask(false)
	if line := h.logs.line(t, "call"); line["cause"] != "the certificate is not for clients, or has expired" {
		t.Errorf("logged %v", line)
	}
}

// Rule 71: a client that has the scope may administer by its certificate, and by nothing less.
func TestRule71_AdministrationByCertificate(t *testing.T) {
	h, authority := openSecureHouse(t)
	must(t, h.admin.UpdateClient(t.Context(), operator, "ops", func(c *client.Client) { c.CertSANs = []string{"dns:ops.example"} }))
	must(t, h.directory.Poll(t.Context()))
	ops, gw := authority.Client(t, "ops.example"), authority.Client(t, "gw.example")
	for name, c := range map[string]struct {
		own           *certtest.Pair
		authorization []string
		want          string // the reason; empty for success
	}{
		"its certificate":            {&ops, nil, ""},
		"with its id":                {&ops, []string{"Basic " + encoded("ops:")}, ""},
		"an access token":            {&gw, []string{"Bearer " + h.access(t, nil)}, ""},
		"without the scope":          {&gw, nil, "ACCESS_DENIED"},
		"its secret":                 {nil, []string{h.basic("ops")}, "INVALID_CLIENT"},
		"its secret, beside it":      {&ops, []string{h.basic("ops")}, "INVALID_CLIENT"},
		"another's secret":           {&ops, []string{h.basic("web")}, "INVALID_CLIENT"},
		"a public client's id":       {&ops, []string{h.basic("kiosk")}, "INVALID_CLIENT"},
		"its id, without":            {nil, []string{"Basic " + encoded("ops:")}, "INVALID_CLIENT"},
		"a bad access token":         {&ops, []string{"Bearer x"}, "INVALID_CLIENT"},
		"another scheme":             {&ops, []string{"Negotiate x"}, "INVALID_CLIENT"},
		"nothing":                    {nil, nil, "INVALID_CLIENT"},
		"another client's, and name": {&gw, []string{"Basic " + encoded("ops:")}, "INVALID_CLIENT"},
	} {
		_, err := signetv1.NewAdminServiceClient(h.over(t, authority, c.own)).ListKeys(withAuthorization(t, c.authorization...), &signetv1.ListKeysRequest{})
		if (err == nil) != (c.want == "") || reason(err) != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

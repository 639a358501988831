package main

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1:8000",
		"`ADDRESS` for browsers; needs TLS in front, because browsers accept its cookies over https only")
	issuer := flag.String("issuer", "127.0.0.1:9090", "the issuer's gRPC `ADDRESS`")
	ca := flag.String("ca", "", "`FILE` with the CA certificates that verify the issuer (default the system's)")
	plain := flag.Bool("plain-text", false, "connect to the issuer without TLS")
	id := flag.String("client-id", "", "the gateway's client `ID` at the issuer")
	secretFile := flag.String("client-secret-file", "", "`FILE` with the client's secret")
	api := flag.String("api", "", "`URL` of the API to call on behalf of the users")
	flag.Parse()

	upstream, err := url.Parse(*api)
	if err != nil || upstream.Host == "" {
		return errors.New("-api: must be an absolute URL")
	}
	secret, err := os.ReadFile(*secretFile)
	if err != nil {
		return fmt.Errorf("-client-secret-file: %w", err)
	}
	conn, err := dial(*issuer, *ca, *plain)
	if err != nil {
		return err
	}
	defer conn.Close()

	tokens, grants := signetv1.NewTokenServiceClient(conn), signetv1.NewGrantServiceClient(conn)
	g := newGateway(tokens, grants, *id, strings.TrimSpace(strings.TrimPrefix(string(secret), "\ufeff")))
	return serve(*listen, g.handler(upstream))
}

// serve answers browsers until the process gets an interrupt. Then it finishes
// the requests in progress, within requestTimeout.
func serve(address string, handler http.Handler) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		shutdown, cancel := context.WithTimeout(context.Background(), requestTimeout)
		defer cancel()
		return server.Shutdown(shutdown)
	}
}

// dial returns a connection to the issuer. One connection is enough: gRPC
// reconnects when it breaks.
func dial(address, ca string, plain bool) (*grpc.ClientConn, error) {
	var roots *x509.CertPool // nil means the CAs of the system
	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("-ca: %w", err)
		}
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("-ca: no certificate in %s", ca)
		}
	}

	transport := credentials.NewClientTLSFromCert(roots, "")
	if plain {
		transport = insecure.NewCredentials()
	}
	return grpc.NewClient(address, grpc.WithTransportCredentials(transport))
}

// A gateway is a client of the issuer. It has the sessions of its users.
type gateway struct {
	tokens signetv1.TokenServiceClient
	grants signetv1.GrantServiceClient
	// authorization is the value of the authorization metadata: the client's
	// id and secret (RFC 7617).
	authorization string
	sessions      sessions
}

func newGateway(tokens signetv1.TokenServiceClient, grants signetv1.GrantServiceClient, id, secret string) *gateway {
	pair := url.QueryEscape(id) + ":" + url.QueryEscape(secret) // RFC 6749 §2.3.1
	return &gateway{
		tokens: tokens, grants: grants,
		authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)),
	}
}

// authenticated returns a context for calls to the issuer. It carries the
// client's credentials.
func (g *gateway) authenticated(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", g.authorization)
}

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
	listen := flag.String("listen", "127.0.0.1:8000", "`ADDRESS` for browsers; put TLS in front, since they keep the cookies on https only")
	issuer := flag.String("issuer", "127.0.0.1:9090", "the issuer's gRPC `ADDRESS`")
	ca := flag.String("ca", "", "`FILE` with the CAs by which the issuer is known (default the system's)")
	plain := flag.Bool("plain-text", false, "call the issuer without TLS")
	id := flag.String("client-id", "", "the gateway's client `ID` at the issuer")
	secretFile := flag.String("client-secret-file", "", "`FILE` with the client's secret")
	api := flag.String("api", "", "`URL` of the API that is called in the users' names")
	flag.Parse()

	upstream, err := url.Parse(*api)
	if err != nil || upstream.Host == "" {
		return errors.New("-api wants the URL of the API")
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
	g := newGateway(signetv1.NewTokenServiceClient(conn), signetv1.NewGrantServiceClient(conn), *id, strings.TrimSpace(string(secret)))
	return serve(*listen, g.handler(upstream))
}

// serve answers browsers until it is told to stop, and then those that still wait.
func serve(address string, handler http.Handler) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		last, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return server.Shutdown(last)
	}
}

// dial returns a connection to the issuer. One is enough: gRPC makes it anew when it breaks.
func dial(address, ca string, plain bool) (*grpc.ClientConn, error) {
	var roots *x509.CertPool // nil means the system's
	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("-ca: %w", err)
		}
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("-ca: there is no certificate in %s", ca)
		}
	}
	protection := credentials.NewClientTLSFromCert(roots, "")
	if plain {
		protection = insecure.NewCredentials()
	}
	return grpc.NewClient(address, grpc.WithTransportCredentials(protection))
}

// A gateway is a client of the issuer, and the sessions of its users.
type gateway struct {
	tokens        signetv1.TokenServiceClient
	grants        signetv1.GrantServiceClient
	authorization string
	sessions      sessions
}

func newGateway(tokens signetv1.TokenServiceClient, grants signetv1.GrantServiceClient, id, secret string) *gateway {
	pair := url.QueryEscape(id) + ":" + url.QueryEscape(secret) // RFC 6749 §2.3.1
	return &gateway{tokens: tokens, grants: grants, authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))}
}

// as returns a context in which the issuer is called as this client.
func (g *gateway) as(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", g.authorization)
}

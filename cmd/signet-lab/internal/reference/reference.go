package reference

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"

	"google.golang.org/grpc"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/postgres"
	"github.com/signetd/signet/internal/rpc"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Command is the command of signet-lab that calls Serve.
const Command = "reference"

// Addresses are the addresses on which the servers listen.
type Addresses struct {
	// GRPC is Signet's own gRPC server with a service that has no rules.
	GRPC string `json:"grpc"`
	// HTTP is a net/http server with one page, and with the same service at
	// the path of the token endpoint.
	HTTP string `json:"http"`
	// BareGRPC is a grpc-go server without options, with the same service.
	BareGRPC string `json:"bare"`
}

// Serve starts the servers, writes their Addresses to output as JSON, and
// serves until ctx ends.
//
// The HTTP response that input contains is the response to each HTTP request,
// except for requests to the token endpoint.
// The clients in the Postgres store can call Signet's gRPC server.
func Serve(ctx context.Context, store string, input io.Reader, output io.Writer) error {
	page, err := pageHandler(input)
	if err != nil {
		return err
	}
	listeners, addresses, err := listen()
	if err != nil {
		return err
	}

	clients, err := postgres.Open(ctx, postgres.Options{URL: store, MaxConns: 1})
	if err != nil {
		return err
	}
	defer clients.Close() //nolint:errcheck // nothing was written
	log := slog.New(slog.DiscardHandler)
	registry := client.NewRegistry(client.Options{Store: clients, Log: log})
	if err := registry.Poll(ctx); err != nil {
		return err
	}
	go registry.Run(ctx)

	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	tokens := &service{key: key}
	signetGRPC := rpc.New(rpc.Options{
		Services: rpc.Services{Token: tokens}, Registry: registry, Ready: func() error { return nil }, Log: log,
	})
	bareGRPC := grpc.NewServer()
	signetv1.RegisterTokenServiceServer(bareGRPC, tokens)
	mux := http.NewServeMux()
	mux.Handle("/", page)
	mux.Handle("POST /oauth2/token", tokens)
	web := &http.Server{Handler: mux}

	failed := make(chan error, len(listeners))
	go func() { failed <- signetGRPC.Serve(listeners[0]) }()
	go func() { failed <- web.Serve(listeners[1]) }()
	go func() { failed <- bareGRPC.Serve(listeners[2]) }()
	if err := json.NewEncoder(output).Encode(addresses); err != nil {
		return err
	}

	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_ = signetGRPC.Drain(ended) // the error says that calls were cancelled
	bareGRPC.Stop()
	return errors.Join(err, web.Close())
}

// pageHandler reads an HTTP response and returns a handler that sends it.
func pageHandler(input io.Reader) (http.Handler, error) {
	response, err := http.ReadResponse(bufio.NewReader(input), nil)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Header.Del("Date") // net/http adds the present date

	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		header := w.Header()
		for name, values := range response.Header {
			header[name] = values
		}
		_, _ = w.Write(body)
	}), nil
}

// listen opens the listeners of the gRPC, HTTP and bare gRPC servers, in this
// order, on free ports.
func listen() (listeners [3]net.Listener, a Addresses, err error) {
	for i := range listeners {
		if listeners[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return listeners, a, err
		}
	}
	address := func(i int) string { return listeners[i].Addr().String() }
	return listeners, Addresses{GRPC: address(0), HTTP: address(1), BareGRPC: address(2)}, nil
}

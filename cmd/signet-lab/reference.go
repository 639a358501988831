package main

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	issuing "github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/postgres"
	"github.com/signetd/signet/internal/rpc"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// signedBytes is how much of an access token is signed: header and payload in base64url.
const signedBytes = 560

// referenceCommand is a server that does what no issuer can do without, and nothing else.
func referenceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reference STORE",
		Short: "Serve what an issuer is compared with",
		Long: "Serve gRPC calls that decide nothing, behind Signet's own gRPC server for the clients of that Postgres and behind a bare one,\n" +
			"and over HTTP the response that standard input held. table starts it.",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE:   func(c *cobra.Command, args []string) error { return serveReference(c.Context(), args[0]) },
	}
}

// doors are the addresses of a server. Only the reference has a bare one.
type doors struct {
	GRPC string `json:"grpc"`
	HTTP string `json:"http"`
	Bare string `json:"bare"`
}

// serveReference serves until ctx ends. It prints where.
func serveReference(ctx context.Context, store string) error {
	response, err := http.ReadResponse(bufio.NewReader(os.Stdin), nil)
	if err != nil {
		return err
	}
	page, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	response.Header.Del("Date") // the server writes its own
	var at [3]net.Listener
	for i := range at {
		if at[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return err
		}
	}
	clients, err := postgres.Open(ctx, postgres.Options{URL: store, MaxConns: 1})
	if err != nil {
		return err
	}
	defer clients.Close() //nolint:errcheck // nothing was written
	log := slog.New(slog.DiscardHandler)
	directory, err := issuing.OpenDirectory(ctx, clients, time.Now, log)
	if err != nil {
		return err
	}
	go directory.Run(ctx)
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	same, bare := rpc.Empty(rpc.Options{Directory: directory, Log: log}), grpc.NewServer()
	signetv1.RegisterTokenServiceServer(same, &reference{key: key})
	signetv1.RegisterTokenServiceServer(bare, &reference{key: key})
	h := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		for name, values := range response.Header {
			h[name] = values
		}
		_, _ = w.Write(page)
	})}
	failed := make(chan error, len(at))
	go func() { failed <- same.Serve(at[0]) }()
	go func() { failed <- h.Serve(at[1]) }()
	go func() { failed <- bare.Serve(at[2]) }()
	if err := json.NewEncoder(os.Stdout).Encode(doors{at[0].Addr().String(), at[1].Addr().String(), at[2].Addr().String()}); err != nil {
		return err
	}
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	same.Stop()
	bare.Stop()
	return errorsBut(err, h.Close())
}

func errorsBut(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// reference answers calls with as many bytes as an issuer does.
type reference struct {
	signetv1.UnimplementedTokenServiceServer
	key ed25519.PrivateKey
}

// Refresh is the echo.
func (*reference) Refresh(_ context.Context, r *signetv1.RefreshRequest) (*signetv1.TokenResponse, error) {
	return &signetv1.TokenResponse{AccessToken: filler, TokenType: "Bearer", RefreshToken: r.GetRefreshToken()}, nil
}

// Mint is the echo with one raw signature inside.
func (s *reference) Mint(context.Context, *signetv1.MintRequest) (*signetv1.MintResponse, error) {
	signature, err := s.key.Sign(nil, []byte(filler[:signedBytes]), crypto.Hash(0))
	if err != nil {
		return nil, err
	}
	token := fmt.Sprintf("%s%x", filler[:signedBytes], signature[:43])
	return &signetv1.MintResponse{Tokens: []*signetv1.MintedToken{{AccessToken: token, TokenType: "Bearer"}}}, nil
}

var filler = strings.Repeat("x", signedBytes+86)

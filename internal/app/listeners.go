package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/connlimit"
	"github.com/signetd/signet/internal/rpc"
)

// listeners are the servers for callers, and the addresses they listen on.
type listeners struct {
	http        *http.Server
	grpc        *rpc.Server
	gateway     *http.Server // nil if there is no server for gateways
	httpAddress net.Addr
	grpcAddress net.Addr
	// gatewayAddress is nil if gateway is.
	gatewayAddress net.Addr
}

// A countedListener is a listener whose connections the metrics count.
type countedListener struct {
	name     string
	listener *connlimit.Listener
	requests *connlimit.Requests // nil for the operations server
}

// drain stops the listeners without failing a request. The server must already
// report that it is not ready. drain gives callers c.Drain to choose another
// server, closes the listeners, and waits for the requests in progress. It
// calls endWaits so that no request waits for something else. After c.Timeout
// it cancels the requests.
func (l listeners) drain(c config.Shutdown, endWaits func(), log *slog.Logger) error {
	log.Info("draining", "wait", c.Drain.String(), "limit", c.Timeout.String())
	ctx, cancel := context.WithTimeout(context.Background(), c.Timeout)
	defer cancel()
	<-time.After(c.Drain)
	endWaits()

	var closing errgroup.Group
	closing.Go(func() error {
		if err := l.grpc.Drain(ctx); err != nil {
			return fmt.Errorf("grpc.address: %w", err)
		}
		return nil
	})
	closing.Go(func() error { return drainHTTP(ctx, "http.address", l.http) })
	if l.gateway != nil {
		closing.Go(func() error { return drainHTTP(ctx, "gateway.address", l.gateway) })
	}
	err := closing.Wait()
	log.Info("drained")
	return err
}

// drainHTTP stops an HTTP server. If ctx ends first, it cancels the requests in
// progress. key is the key of the configuration that sets the address.
func drainHTTP(ctx context.Context, key string, server *http.Server) error {
	if err := server.Shutdown(ctx); err != nil {
		_ = server.Close() // cancels the requests in progress
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// bind listens on the addresses of both APIs, with the limits for each.
func bind(c config.Config, l connlimit.Limits) (httpListener, grpcListener *connlimit.Listener, err error) {
	httpListener, err = listenOn("http.address", c.HTTP.Address, l)
	if err != nil {
		return nil, nil, err
	}
	grpcListener, err = listenOn("grpc.address", c.GRPC.Address, l)
	if err != nil {
		return nil, nil, errors.Join(err, httpListener.Close())
	}
	return httpListener, grpcListener, nil
}

// bindGateway listens on gateway.address. It returns nil if that is empty.
func bindGateway(c config.Config, l connlimit.Limits) (*connlimit.Listener, error) {
	if c.Gateway.Address == "" {
		return nil, nil
	}
	return listenOn("gateway.address", c.Gateway.Address, l)
}

// listenRaw listens on HOST:PORT or unix:PATH.
func listenRaw(address string) (net.Listener, error) {
	if path, ok := config.UnixPath(address); ok {
		return listenUnix(path)
	}
	return net.Listen("tcp", address)
}

// listenOn listens on the address that a key of the configuration sets.
func listenOn(key, address string, l connlimit.Limits) (*connlimit.Listener, error) {
	raw, err := listenRaw(address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return connlimit.New(raw, l), nil
}

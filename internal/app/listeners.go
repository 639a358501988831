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

// listeners are the two APIs for callers, and the addresses they listen on.
type listeners struct {
	http        *http.Server
	grpc        *rpc.Server
	httpAddress net.Addr
	grpcAddress net.Addr
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
	closing.Go(func() error {
		if err := l.http.Shutdown(ctx); err != nil {
			_ = l.http.Close() // cancels the requests in progress
			return fmt.Errorf("http.address: %w", err)
		}
		return nil
	})
	err := closing.Wait()
	log.Info("drained")
	return err
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

// listenOn listens on the address that a key of the configuration sets.
func listenOn(key, address string, l connlimit.Limits) (*connlimit.Listener, error) {
	raw, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return connlimit.New(raw, l), nil
}

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/rpc"
	"github.com/signetd/signet/internal/web"
)

// A doors is what is open to the world.
type doors struct {
	http   *http.Server
	grpc   *rpc.Server
	httpAt net.Addr
	grpcAt net.Addr
}

// openOps opens the operator's door. It is open from the first moment: waiting for a database is no reason to be killed.
func (s *server) openOps() (stop func(), err error) {
	l, err := net.Listen("tcp", s.cfg.Ops.Address)
	if err != nil {
		return nil, about("ops.address", err)
	}
	ops := web.Server(web.Ops(s.checks(), s.metrics.Handler(), s.log), s.log)
	s.start("ops.address", func() error { return ops.Serve(l) })
	s.sayAddress("ops", l.Addr())
	return func() { _ = ops.Close() }, nil
}

// openDoors opens the doors for callers.
func (s *server) openDoors() (doors, error) {
	handler, err := web.Handler(web.Options{
		Issuer: s.cfg.Issuer, Keys: s.keys, Tokens: s.issuer, Directory: s.directory, Proxies: oauth.Proxies(s.cfg.TrustedProxies),
		Certificates: s.cfg.TLS.ClientCAFile != "", Checks: s.checks(), Log: s.log, Watch: s.webWatch(),
	})
	if err != nil {
		return doors{}, err
	}
	public, err := net.Listen("tcp", s.cfg.HTTP.Address)
	if err != nil {
		return doors{}, about("http.address", err)
	}
	calls, err := net.Listen("tcp", s.cfg.GRPC.Address)
	if err != nil {
		return doors{}, errors.Join(about("grpc.address", err), public.Close())
	}
	d := doors{
		http: web.Server(handler, s.log),
		grpc: rpc.New(rpc.Options{
			Issuer: s.issuer, Admin: s.admin, Directory: s.directory, Keys: s.keys, Ready: s.checks().Ready, Log: s.log, Reflection: s.cfg.GRPC.Reflection,
			Proxies: oauth.Proxies(s.cfg.TrustedProxies), TLS: s.protection("h2"), Watch: s.grpcWatch(),
		}),
		httpAt: public.Addr(), grpcAt: calls.Addr(),
	}
	d.http.TLSConfig = s.protection("h2", "http/1.1")
	s.start("http.address", func() error {
		if d.http.TLSConfig != nil {
			return d.http.ServeTLS(public, "", "") // the certificate is in TLSConfig
		}
		return d.http.Serve(public)
	})
	s.start("grpc.address", func() error { return d.grpc.Serve(calls) })
	return d, nil
}

// protection returns what the doors for callers speak TLS by; nil means plain text.
func (s *server) protection(protocols ...string) *tls.Config {
	if s.cert == nil {
		return nil
	}
	return s.cert.Config(protocols...)
}

// announce says where the doors are.
func (s *server) announce(d doors) {
	s.sayAddress("http", d.httpAt)
	s.sayAddress("grpc", d.grpcAt)
	if s.dev {
		s.sayHow(d)
	}
}

func (s *server) sayAddress(door string, at net.Addr) {
	s.log.Info("listening", slog.String("door", door), slog.String("address", at.String()))
}

// drain says that it is not ready, gives callers the time to go elsewhere, closes the doors, and waits for the answers that
// are still owed.
func (s *server) drain(d doors) error {
	s.open.Store(false)
	wait := s.cfg.Shutdown.Drain
	s.log.Info("draining", "wait", wait.String(), "limit", s.cfg.Shutdown.Timeout.String())
	limit, cancel := context.WithTimeout(context.Background(), s.cfg.Shutdown.Timeout)
	defer cancel()
	<-time.After(wait)
	var closing errgroup.Group
	closing.Go(func() error { return about("grpc.address", d.grpc.Drain(limit)) })
	closing.Go(func() error {
		err := d.http.Shutdown(limit)
		if err != nil {
			_ = d.http.Close() // what still runs is cut off
		}
		return about("http.address", err)
	})
	err := closing.Wait()
	s.log.Info("drained")
	return err
}

package rpc

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// watchInterval is how often a health stream compares the status with the last
// one that it has sent.
const watchInterval = 500 * time.Millisecond

// healthServices are the services that have a health status. The empty name is
// the server itself. All have the same status.
var healthServices = []string{
	"",
	signetv1.TokenService_ServiceDesc.ServiceName,
	signetv1.GrantService_ServiceDesc.ServiceName,
	signetv1.AdminService_ServiceDesc.ServiceName,
	signetv1.KeyService_ServiceDesc.ServiceName,
	revocationService,
	healthv1.Health_ServiceDesc.ServiceName,
}

// health implements grpc.health.v1. It computes the status at each call. The
// server of grpc-go stores a status that must be updated, and its streams do
// not end when the server drains.
type health struct {
	healthv1.UnimplementedHealthServer
	ready    func() error
	services map[string]bool

	once sync.Once
	// draining is closed when the server drains.
	draining chan struct{}
}

func newHealth(ready func() error) *health {
	h := &health{ready: ready, services: make(map[string]bool), draining: make(chan struct{})}
	for _, name := range healthServices {
		h.services[name] = true
	}
	return h
}

// drain makes the status NOT_SERVING and ends the streams. There is no way
// back.
func (h *health) drain() { h.once.Do(func() { close(h.draining) }) }

func (h *health) status(service string) healthv1.HealthCheckResponse_ServingStatus {
	if !h.services[service] {
		return healthv1.HealthCheckResponse_SERVICE_UNKNOWN
	}
	select {
	case <-h.draining:
		return healthv1.HealthCheckResponse_NOT_SERVING
	default:
	}
	if h.ready() != nil {
		return healthv1.HealthCheckResponse_NOT_SERVING
	}
	return healthv1.HealthCheckResponse_SERVING
}

// Check returns the status of one service.
func (h *health) Check(_ context.Context, r *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	found := h.status(r.GetService())
	if found == healthv1.HealthCheckResponse_SERVICE_UNKNOWN {
		return nil, status.Error(codes.NotFound, "unknown service")
	}
	return &healthv1.HealthCheckResponse{Status: found}, nil
}

// List returns the status of all services.
func (h *health) List(context.Context, *healthv1.HealthListRequest) (*healthv1.HealthListResponse, error) {
	all := make(map[string]*healthv1.HealthCheckResponse, len(h.services))
	common := h.status("")
	for name := range h.services {
		all[name] = &healthv1.HealthCheckResponse{Status: common}
	}
	return &healthv1.HealthListResponse{Statuses: all}, nil
}

// Watch sends the status of one service, and each change of it.
func (h *health) Watch(
	r *healthv1.HealthCheckRequest, stream grpc.ServerStreamingServer[healthv1.HealthCheckResponse],
) error {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for last := healthv1.HealthCheckResponse_UNKNOWN; ; {
		if now := h.status(r.GetService()); now != last {
			if err := stream.Send(&healthv1.HealthCheckResponse{Status: now}); err != nil {
				return err
			}
			last = now
		}
		select {
		case <-h.draining:
			if last == healthv1.HealthCheckResponse_SERVING {
				continue // send NOT_SERVING first
			}
			return status.Error(codes.Unavailable, "The server is shutting down.")
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		case <-tick.C:
		}
	}
}

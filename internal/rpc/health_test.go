package rpc

import (
	"testing"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

// A list asks once whether the server is ready, because the answer may take a
// moment.
func TestHealth_ListAsksOnce(t *testing.T) {
	asked := 0
	h := newHealth(func() error { asked++; return nil })
	list, err := h.List(t.Context(), &healthv1.HealthListRequest{})
	if err != nil || len(list.GetStatuses()) != len(healthServices) || asked != 1 {
		t.Errorf("%d statuses after %d questions, error %v", len(list.GetStatuses()), asked, err)
	}
}

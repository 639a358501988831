package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/signetd/signet/internal/revocation"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// revocations returns a client of the feed over gRPC.
func (m *machine) revocations() signetv1.RevocationServiceClient {
	m.t.Helper()
	conn, err := grpc.NewClient(m.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(m.t, err)
	m.t.Cleanup(func() { conn.Close() })
	return signetv1.NewRevocationServiceClient(conn)
}

// poll requests the feed over HTTP.
func (m *machine) poll(client *http.Client, query string) (answer revocation.Answer, err error) {
	response, err := client.Get("http://" + m.http + "/revocations" + query)
	if err != nil {
		return answer, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return answer, fmt.Errorf("%s", response.Status)
	}
	return answer, json.NewDecoder(response.Body).Decode(&answer)
}

// A draining server answers the polls that wait, over HTTP and gRPC, before
// their time, and then ends.
func TestDrain_AnswersPolls(t *testing.T) {
	const polls = 60 // of each API
	m := newDemoMachine(t)
	p := m.start("--dev").ready()
	// The server has no revocations yet, and the beginning is their end.
	held := make(chan string, 2*polls)
	for range polls {
		go func() {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			a, err := m.poll(client, "?after=0-0&wait=10s")
			held <- fmt.Sprint(err, a.HeldMS < 10_000, len(a.Segments))
		}()
	}
	service := m.revocations()
	for range polls {
		go func() {
			ctx, cancel := asClientFor(t, 30*time.Second, "", "")
			defer cancel()
			r, err := service.Poll(ctx, &signetv1.PollRequest{Wait: durationpb.New(10 * time.Second)})
			held <- fmt.Sprint(err, r.GetHeld().GetSeconds() < 10, len(r.GetSegments()))
		}()
	}
	waiting := fmt.Sprintf("\nsignet_revocations_polls_waiting %d\n", 2*polls)
	if !eventually(func() bool { return strings.Contains(m.signetMetrics(), waiting) }) {
		t.Fatal("the polls do not wait")
	}

	must(t, p.c.Process.Signal(syscall.SIGTERM))
	for range 2 * polls {
		if got := <-held; got != "<nil> true 1" {
			t.Errorf("a poll of a server that drains: %s", got)
		}
	}
	if err := p.drained(); err != nil {
		t.Errorf("the server exited with %v", err)
	}
}

// The setting revocations.access is that of both APIs.
func TestFeed_AccessOfBothAPIs(t *testing.T) {
	for access, code := range map[string]codes.Code{"everybody": codes.OK, "clients": codes.Unauthenticated} {
		m := newDemoMachine(t, "SIGNET_REVOCATIONS_ACCESS="+access)
		m.start("--dev").ready()
		if _, err := m.poll(http.DefaultClient, ""); (err == nil) != (code == codes.OK) {
			t.Errorf("%s, HTTP: %v", access, err)
		}
		if _, err := m.revocations().Poll(t.Context(), &signetv1.PollRequest{}); status.Code(err) != code {
			t.Errorf("%s, gRPC: %v", access, err)
		}
		demo := m.demo()
		ctx, cancel := asClient(t, demo.ClientID, demo.ClientSecret)
		defer cancel()
		if _, err := m.revocations().Poll(ctx, &signetv1.PollRequest{}); err != nil {
			t.Errorf("%s, gRPC with a secret: %v", access, err)
		}
	}
}

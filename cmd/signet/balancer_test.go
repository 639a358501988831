package main

import (
	"log/slog"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signetd/signet/internal/pgtest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
	"github.com/signetd/signet/verify"
)

// Verifiers whose polls go to two servers in turn, while both revoke tokens,
// learn of every revocation, and never have to read all of them again.
func TestVerifiers_BehindALoadBalancer(t *testing.T) {
	if testing.Short() {
		t.Skip("starts two servers on Postgres")
	}
	database, kek := pgtest.Empty(t), filepath.Join(t.TempDir(), "kek")
	machines := []*machine{newIssuerMachine(t, database, kek), newIssuerMachine(t, database, kek)}
	secret := machines[0].createGateway(kek)
	balanced := &balancer{transport: &http.Transport{}}
	t.Cleanup(balanced.transport.CloseIdleConnections)
	var calls []signetv1.TokenServiceClient
	for _, m := range machines {
		m.start().ready()
		calls = append(calls, tokens(t, m.grpc))
		balanced.addresses = append(balanced.addresses, m.http)
	}
	minted := mintTokens(t, calls[0], secret, 200)

	watch := &revocationWatch{t: t, acknowledged: make([]time.Time, len(minted))}
	var verifiers []*verify.Verifier
	for range 10 {
		v, err := verify.New(t.Context(), testIssuer, verify.Options{
			Audience: testAPI, Revocation: verify.FailOpen(time.Minute), Log: slog.New(slog.DiscardHandler),
			HTTP: &http.Client{Transport: balanced},
		})
		must(t, err)
		t.Cleanup(v.Close)
		verifiers = append(verifiers, v)
		for i, token := range minted {
			watch.start(v, i, token)
		}
	}
	for i, token := range minted {
		ctx, cancel := asClient(t, "gateway", secret)
		_, err := calls[i%2].Revoke(ctx, &signetv1.RevokeRequest{Token: token})
		cancel()
		must(t, err)
		watch.acknowledge(i)
	}
	watch.wait()

	for i, v := range verifiers {
		if s := v.Stats(); s.PollErrors > 0 {
			t.Errorf("verifier %d: %+v", i, s)
		}
	}
	for i, m := range machines {
		// A verifier that starts may read all of them.
		n, _ := series(m.scrape(), "signet_revocations_polls_total", "answer=full")
		if n > float64(len(verifiers)) {
			t.Errorf("server %d sent all revocations %v times", i, n)
		}
	}
}

// A balancer sends the requests for the issuer to its servers in turn.
type balancer struct {
	addresses []string
	next      atomic.Int64
	transport *http.Transport
}

func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	address := b.addresses[int(b.next.Add(1))%len(b.addresses)]
	return toServer{address, b.transport}.RoundTrip(r)
}

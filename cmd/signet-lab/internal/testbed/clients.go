package testbed

import (
	"context"
	"strings"
	"time"

	"github.com/signetd/signet/cmd/signet-lab/internal/operation"
)

// Algorithms returns the algorithms of CreateClient.
func Algorithms() []string { return []string{"RS256", "ES256", "EdDSA"} }

// CreateClient creates an audience with that algorithm, and a client for it
// alone with that leeway. name is that of the issuer i. The result calls i in
// the name of the new client.
func (b *Testbed) CreateClient(
	ctx context.Context, name string, i *Issuer, algorithm string, leeway time.Duration,
) (operation.Server, error) {
	env, audience := b.environment(name, i.StoreURL), "https://only-"+strings.ToLower(algorithm)+".example"
	if _, err := b.run(ctx, env, "", "audiences", "create", audience, "--alg", algorithm); err != nil {
		return operation.Server{}, err
	}
	s := i.Server
	s.ClientID, s.Audience = "only-"+strings.ToLower(algorithm), audience
	var err error
	s.ClientSecret, err = b.createClient(ctx, env, s.ClientID, "--audience", audience, "--mint-subjects",
		"--leeway", leeway.String())
	if err != nil {
		return operation.Server{}, err
	}
	return s, waitForClient(ctx, s)
}

// waitForClient waits until an issuer has read a new client, and has the keys
// for its audience.
func waitForClient(ctx context.Context, s operation.Server) error {
	conn := s.Connect(1)
	defer conn.Close()
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for end := time.Now().Add(10 * time.Second); ; <-poll.C {
		if _, err := conn.RefreshTokens(ctx, 1, 1); err == nil || time.Now().After(end) {
			return err
		}
	}
}

package interop

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwk"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// manyEntries is how many revocations the verifier of the benchmark has.
const manyEntries = 100_000

// BenchmarkVerify compares package verify, with 100,000 revocations, with other
// libraries, which have none. All have the issuer's keys. The metric best-µs is
// the fastest run of 50 calls, which other programs on the machine disturb the
// least.
func BenchmarkVerify(b *testing.B) {
	algorithms := []string{"EdDSA", "RS256", "ES256"}
	issuer := verifytest.New(b, algorithms...)
	for i := range manyEntries {
		issuer.RevokeClient(strconv.Itoa(i))
	}
	client := &http.Client{Transport: issuer}
	ctx := oidc.ClientContext(b.Context(), client)
	libraries := []struct {
		name string
		make func(*testing.B, context.Context, *http.Client) func(string) error
	}{
		{"signet", benchSignet}, {"golang-jwt", benchGolangJWT}, {"jwx", benchJWX}, {"go-oidc", benchOIDC},
	}

	for _, algorithm := range algorithms {
		token := issuer.Token(verifytest.Claims{
			Subject: "usr_2yq6b5wmrbfk7hd4zq3jx5nxau", ClientID: "gateway", Scope: "read write", ACR: "1",
			Algorithm: algorithm, ExpiresAt: time.Now().Add(time.Hour),
		})
		for _, library := range libraries {
			check := library.make(b, ctx, client)
			b.Run(algorithm+"/"+library.name, func(b *testing.B) {
				b.ReportAllocs()
				best, began, calls := time.Hour, time.Now(), 0
				for b.Loop() {
					if err := check(token); err != nil {
						b.Fatal(err)
					}
					if calls++; calls%50 == 0 {
						now := time.Now()
						best, began = min(best, now.Sub(began)/50), now
					}
				}
				b.ReportMetric(float64(best.Nanoseconds())/1000, "best-µs")
			})
		}
	}
}

func benchSignet(b *testing.B, ctx context.Context, client *http.Client) func(string) error {
	b.Helper()
	v, err := verify.New(ctx, verifytest.URL, verify.Options{
		Audience: verifytest.Audience, Revocation: verify.FailClosed(time.Minute),
		HTTP: client, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(v.Close)
	return func(token string) error {
		_, err := v.Verify(ctx, token)
		return err
	}
}

func benchGolangJWT(b *testing.B, ctx context.Context, client *http.Client) func(string) error {
	b.Helper()
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{verifytest.URL + "/.well-known/jwks.json"},
		keyfunc.Override{Client: client})
	if err != nil {
		b.Fatal(err)
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{"EdDSA", "RS256", "ES256"}), jwt.WithIssuer(verifytest.URL),
		jwt.WithAudience(verifytest.Audience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
	)
	return func(token string) error {
		_, err := parser.ParseWithClaims(token, jwt.MapClaims{}, keys.Keyfunc)
		return err
	}
}

func benchJWX(b *testing.B, ctx context.Context, client *http.Client) func(string) error {
	b.Helper()
	set, err := jwk.Fetch(ctx, verifytest.URL+"/.well-known/jwks.json", jwk.WithHTTPClient(client))
	if err != nil {
		b.Fatal(err)
	}
	return func(token string) error {
		_, err := jwxjwt.ParseString(token, jwxjwt.WithKeySet(set), jwxjwt.WithIssuer(verifytest.URL),
			jwxjwt.WithAudience(verifytest.Audience), jwxjwt.WithRequiredClaim("exp"))
		return err
	}
}

func benchOIDC(b *testing.B, ctx context.Context, _ *http.Client) func(string) error {
	b.Helper()
	provider, err := oidc.NewProvider(ctx, verifytest.URL)
	if err != nil {
		b.Fatal(err)
	}
	verifier := provider.VerifierContext(ctx, &oidc.Config{ClientID: verifytest.Audience})
	return func(token string) error {
		_, err := verifier.Verify(ctx, token)
		return err
	}
}

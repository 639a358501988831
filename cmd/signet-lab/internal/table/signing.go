package table

import (
	"context"

	"github.com/signetd/signet/cmd/signet-lab/internal/baseline"
	"github.com/signetd/signet/cmd/signet-lab/internal/operation"
)

func (s *suite) signingComparisons() []comparison {
	rate := func(server operation.Server, name string) measurement {
		return s.run(workload{server: server, operation: name, concurrency: highConcurrency})
	}
	rsaSignatures := func(context.Context) (float64, error) { return baseline.RSASignatures(s.turn()) }

	return []comparison{
		{
			name: "gRPC Mint, EdDSA, 64 concurrent : a raw signature behind the same gRPC server",
			unit: "/s", bound: .9,
			measured: rate(s.coalescing.Server, "mint"), limit: rate(s.bed.Reference, "mint"),
		},
		{
			name: "gRPC Mint, EdDSA, 64 concurrent : a raw signature behind a bare gRPC server", unit: "/s",
			measured: rate(s.coalescing.Server, "mint"), limit: rate(s.bed.BareReference, "mint"),
		},
		{
			name:     "HTTP client credentials, EdDSA, 64 concurrent : a raw signature behind a bare net/http server",
			unit:     "/s",
			measured: rate(s.coalescing.Server, "http-credentials"),
			limit:    rate(s.bed.Reference, "http-credentials"),
		},
		{
			name: "token assembly in process : raw signature", unit: "/s", bound: .9,
			measured: benchmarkRate("internal/token", "SignAccess"),
			limit:    benchmarkRate("internal/token", "RawSignature"),
		},
		{
			name: "allocations of token assembly", unit: "", bound: 2, atMost: true, once: true,
			measured: func(ctx context.Context) (float64, error) {
				_, allocs, err := baseline.GoBenchmark(ctx, "internal/token", "SignAccess")
				return allocs, err
			},
		},
		{
			name: "gRPC Mint, RS256, 64 concurrent : raw RSA-2048 signatures on all cores", unit: "/s", bound: .85,
			measured: rate(s.rs256, "mint"), limit: rsaSignatures,
		},
		{
			name: "gRPC Refresh, RS256, 64 concurrent : raw RSA-2048 signatures on all cores", unit: "/s", bound: .85,
			measured: rate(s.rs256, "refresh"), limit: rsaSignatures,
		},
		{
			name: "JWK Set over HTTP, 64 concurrent : bare net/http handler", unit: "/s", bound: .9,
			measured: rate(s.coalescing.Server, "jwks"), limit: rate(s.bed.Reference, "jwks"),
		},
	}
}

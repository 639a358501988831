package rpc_test

import (
	"encoding/base64"
	"math"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A number in a claim is the same in the token of a mint and of a refresh. A
// number that a Struct has perhaps changed is refused.
func TestMint_NumbersInClaims(t *testing.T) {
	f := newFixture(t)
	mint := func(n float64) (*signetv1.MintResponse, error) {
		return f.TokenService.Mint(f.As(t, "mesh"), &signetv1.MintRequest{
			Audience: []string{"api-roles"}, Subject: "7", Refresh: true,
			Claims: claimsOf(t, map[string]any{"tenant": n}),
		})
	}
	for literal, n := range map[string]float64{
		"9007199254740991": 1<<53 - 1, "-9007199254740991": -(1<<53 - 1), "0.1": 0.1, "1e-7": 1e-7, "1000000": 1e6,
	} {
		minted, err := mint(n)
		must(t, err)
		refreshed, err := f.TokenService.Refresh(f.As(t, "mesh"), &signetv1.RefreshRequest{
			RefreshToken: minted.GetRefreshToken(),
		})
		must(t, err)
		for _, token := range []string{minted.GetTokens()[0].GetAccessToken(), refreshed.GetAccessToken()} {
			if got := payload(t, token); !strings.Contains(got, `"tenant":`+literal+"}") {
				t.Errorf("%s: the token has %s", literal, got)
			}
		}
	}
	for _, n := range []float64{1 << 53, -(1 << 53), 1234567890123456789, 1e300, math.Inf(1), math.NaN()} {
		_, err := mint(n)
		fields := rpctest.Detail[*errdetails.BadRequest](status.Convert(err)).GetFieldViolations()
		if status.Code(err) != codes.InvalidArgument || len(fields) != 1 || fields[0].GetField() != "claims.tenant" {
			t.Errorf("%v: %v, fields %v", n, err, fields)
		}
	}
}

// payload returns the payload of a JWT.
func payload(t *testing.T, token string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	must(t, err)
	return string(text)
}

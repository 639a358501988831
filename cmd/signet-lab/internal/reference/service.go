package reference

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"fmt"

	"github.com/signetd/signet/cmd/signet-lab/internal/baseline"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A service implements TokenService without any rules or storage. Its responses
// are as long as those of an issuer.
type service struct {
	signetv1.UnimplementedTokenServiceServer
	key ed25519.PrivateKey
}

// Refresh returns the refresh token of the request.
func (*service) Refresh(_ context.Context, r *signetv1.RefreshRequest) (*signetv1.TokenResponse, error) {
	return &signetv1.TokenResponse{
		AccessToken: baseline.AccessToken, TokenType: "Bearer", RefreshToken: r.GetRefreshToken(),
	}, nil
}

// Mint makes one raw signature.
func (s *service) Mint(context.Context, *signetv1.MintRequest) (*signetv1.MintResponse, error) {
	signature, err := s.key.Sign(nil, []byte(baseline.SigningInput), crypto.Hash(0))
	if err != nil {
		return nil, err
	}
	token := fmt.Sprintf("%s%x", baseline.SigningInput, signature[:43])
	return &signetv1.MintResponse{Tokens: []*signetv1.MintedToken{{AccessToken: token, TokenType: "Bearer"}}}, nil
}

package reference

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"

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
	token, err := s.sign()
	if err != nil {
		return nil, err
	}
	return &signetv1.MintResponse{Tokens: []*signetv1.MintedToken{{AccessToken: token, TokenType: "Bearer"}}}, nil
}

// sign returns a token with one raw signature.
func (s *service) sign() (string, error) {
	signature, err := s.key.Sign(nil, []byte(baseline.SigningInput), crypto.Hash(0))
	return fmt.Sprintf("%s%x", baseline.SigningInput, signature[:43]), err
}

// ServeHTTP parses a form and responds with one raw signature, as Mint does.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	token, err := s.sign()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"access_token": token, "token_type": "Bearer"})
}

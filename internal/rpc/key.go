package rpc

import (
	"context"
	"time"

	"github.com/signetd/signet/keys"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// KeyService publishes the signing keys.
type KeyService struct {
	signetv1.UnimplementedKeyServiceServer
	Keys *keys.Manager
}

// GetKeySet returns the JWK Set (RFC 7517 §5), byte for byte as the HTTP API
// serves it.
func (s *KeyService) GetKeySet(context.Context, *signetv1.GetKeySetRequest) (*signetv1.GetKeySetResponse, error) {
	set := s.Keys.Set()
	return &signetv1.GetKeySetResponse{Jwks: set.Bytes, Etag: set.ETag, MaxAge: int64(set.MaxAge / time.Second)}, nil
}

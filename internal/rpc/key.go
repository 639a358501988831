package rpc

import (
	"context"
	"time"

	"github.com/signetd/signet/keys"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// keyService publishes the keys.
type keyService struct {
	signetv1.UnimplementedKeyServiceServer
	keys *keys.Manager
}

// GetKeySet returns the JWK Set, byte for byte as the HTTP door serves it.
func (s *keyService) GetKeySet(context.Context, *signetv1.GetKeySetRequest) (*signetv1.GetKeySetResponse, error) {
	set := s.keys.Set()
	return &signetv1.GetKeySetResponse{Jwks: set.Bytes, Etag: set.ETag, MaxAge: int64(set.MaxAge / time.Second)}, nil
}

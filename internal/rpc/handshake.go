package rpc

import (
	"crypto/tls"
	"net"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// transportCredentials returns how the server protects connections. Nil means
// plain text. verified may be nil.
func transportCredentials(c *tls.Config, verified func(net.Conn)) credentials.TransportCredentials {
	switch {
	case c == nil:
		return insecure.NewCredentials()
	case verified == nil:
		return credentials.NewTLS(c)
	}
	return observedTLS{credentials.NewTLS(c), verified}
}

// observedTLS is TLS that calls verified with each connection whose client has
// shown a valid certificate.
type observedTLS struct {
	credentials.TransportCredentials
	verified func(net.Conn)
}

// ServerHandshake implements credentials.TransportCredentials.
func (o observedTLS) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c, info, err := o.TransportCredentials.ServerHandshake(raw)
	if t, ok := info.(credentials.TLSInfo); ok && len(t.State.VerifiedChains) > 0 {
		o.verified(raw)
	}
	return c, info, err
}

// Clone implements credentials.TransportCredentials.
func (o observedTLS) Clone() credentials.TransportCredentials {
	return observedTLS{o.TransportCredentials.Clone(), o.verified}
}

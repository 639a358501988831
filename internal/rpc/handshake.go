package rpc

import (
	"crypto/tls"
	"net"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// transportCredentials returns how the server protects connections. Nil means
// plain text. verified may be nil.
func transportCredentials(
	c *tls.Config, verified func(net.Conn), streams *openStreams,
) credentials.TransportCredentials {
	if c == nil {
		return observedCredentials{insecure.NewCredentials(), verified, streams}
	}
	return observedCredentials{credentials.NewTLS(c), verified, streams}
}

// observedCredentials count the streams of each connection. They call verified
// with each connection whose client has shown a valid certificate.
type observedCredentials struct {
	credentials.TransportCredentials
	verified func(net.Conn)
	streams  *openStreams
}

// ServerHandshake implements credentials.TransportCredentials.
func (o observedCredentials) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c, info, err := o.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return c, info, err
	}
	t, ok := info.(credentials.TLSInfo)
	if ok && o.verified != nil && len(t.State.VerifiedChains) > 0 {
		o.verified(raw)
	}
	counted := o.streams.wrap(c)
	return counted, connInfo{info, counted}, nil
}

// Clone implements credentials.TransportCredentials.
func (o observedCredentials) Clone() credentials.TransportCredentials {
	return observedCredentials{o.TransportCredentials.Clone(), o.verified, o.streams}
}

package operation

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/signetd/signet/cmd/signet-lab/internal/grpcconn"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A Server is an issuer that is measured, with the credentials for its calls.
type Server struct {
	// GRPC and HTTP are addresses: host and port.
	GRPC, HTTP string
	// ClientID and ClientSecret authenticate the client that calls.
	ClientID, ClientSecret string
	// Usernames are the users that log in, in turn. Password is the password of
	// all of them. An issuer limits the successful logins of each user.
	Usernames []string
	Password  string
	// Audience is the audience of all tokens. If it is empty, the issuer
	// chooses the client's default.
	Audience string
	// Connections is the number of gRPC connections. Zero means one.
	Connections int
}

// authorization returns the Authorization header of the client (RFC 6749
// §2.3.1).
func (s Server) authorization() string {
	credentials := url.QueryEscape(s.ClientID) + ":" + url.QueryEscape(s.ClientSecret)
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))
}

// A Connection makes calls to a Server.
type Connection struct {
	// TokenService makes gRPC calls on the first connection.
	TokenService signetv1.TokenServiceClient
	// GrantService makes gRPC calls on the first connection.
	GrantService signetv1.GrantServiceClient

	server  Server
	grpc    []*grpcconn.Conn
	workers atomic.Int64 // how many workers use one of the connections
	http    *http.Client
	threads int // GOMAXPROCS before Connect
	logins  atomic.Uint64
}

// Connect prepares that many concurrent calls.
//
// Until Close, this process uses no more threads than there are concurrent
// calls. An additional thread would spin while it looks for work, and take a
// core from the issuer.
func (s Server) Connect(concurrency int) *Connection {
	c := &Connection{
		server: s,
		http: &http.Client{
			Transport: &http.Transport{MaxIdleConnsPerHost: concurrency}, Timeout: 10 * time.Second,
		},
		threads: runtime.GOMAXPROCS(min(concurrency, runtime.NumCPU())),
	}
	for range max(s.Connections, 1) {
		c.grpc = append(c.grpc, &grpcconn.Conn{Address: s.GRPC, Authorization: s.authorization()})
	}
	c.TokenService = signetv1.NewTokenServiceClient(c.grpc[0])
	c.GrantService = signetv1.NewGrantServiceClient(c.grpc[0])
	return c
}

// next returns a Connection whose gRPC calls use the next of the connections.
func (c *Connection) next() *Connection {
	i := int(c.workers.Add(1)-1) % len(c.grpc)
	return &Connection{
		TokenService: signetv1.NewTokenServiceClient(c.grpc[i]), server: c.server, grpc: c.grpc[i : i+1], http: c.http,
	}
}

// Close closes the connections and restores the number of threads.
func (c *Connection) Close() {
	runtime.GOMAXPROCS(c.threads)
	c.http.CloseIdleConnections()
	for _, conn := range c.grpc {
		_ = conn.Close() // all responses have been read
	}
}

func (c *Connection) audiences() []string {
	if c.server.Audience == "" {
		return nil
	}
	return []string{c.server.Audience}
}

// createGrant creates a grant without the cost of a password hash: the client
// mints it for a new subject.
func (c *Connection) createGrant(ctx context.Context) (*signetv1.MintResponse, error) {
	return c.TokenService.Mint(ctx, &signetv1.MintRequest{
		Audience: c.audiences(), Subject: "lab-" + strings.ToLower(rand.Text()), Refresh: true,
	})
}

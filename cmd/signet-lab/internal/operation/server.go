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
}

// A Connection makes calls to a Server.
type Connection struct {
	// TokenService makes gRPC calls.
	TokenService signetv1.TokenServiceClient

	server  Server
	grpc    *grpcconn.Conn
	http    *http.Client
	threads int // GOMAXPROCS before Connect
	logins  atomic.Uint64
}

// Connect prepares that many concurrent calls. All gRPC calls share one
// connection.
//
// Until Close, this process uses no more threads than there are concurrent
// calls. An additional thread would spin while it looks for work, and take a
// core from the issuer.
func (s Server) Connect(concurrency int) *Connection {
	// RFC 6749 §2.3.1
	credentials := url.QueryEscape(s.ClientID) + ":" + url.QueryEscape(s.ClientSecret)
	conn := &grpcconn.Conn{
		Address: s.GRPC, Authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials)),
	}
	return &Connection{
		TokenService: signetv1.NewTokenServiceClient(conn),
		server:       s,
		grpc:         conn,
		http: &http.Client{
			Transport: &http.Transport{MaxIdleConnsPerHost: concurrency}, Timeout: 10 * time.Second,
		},
		threads: runtime.GOMAXPROCS(min(concurrency, runtime.NumCPU())),
	}
}

// Close closes the connections and restores the number of threads.
func (c *Connection) Close() {
	runtime.GOMAXPROCS(c.threads)
	c.http.CloseIdleConnections()
	_ = c.grpc.Close() // all responses have been read
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

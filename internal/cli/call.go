package cli

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/app"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// callTimeout bounds one call, with the time to connect.
const callTimeout = 15 * time.Second

// A call is one call of a running issuer.
type call struct {
	p *program
	// path is the path of the token file.
	path   string
	stored tokenFile
	// demo is the content of dev.json, if the call is for the issuer that wrote
	// it.
	demo app.Demo
	// secret is the client secret; empty for a public client and for one that
	// authenticates with a certificate.
	secret string
	// server is the configuration. It is that of the issuer if the issuer runs
	// on this machine.
	server config.Config
}

// newCall prepares a call. It takes the issuer and the client from the flags,
// then from the token file, then from dev.json, and prompts for the rest. A
// login takes only the device token and the user name from the token file.
func newCall(ctx context.Context, p *program, f *callFlags, login bool) (*call, error) {
	cfg, err := p.loadClient()
	if err != nil {
		return nil, err
	}
	c := &call{p: p, path: tokenFilePath(cfg.DataDir), server: cfg}
	if c.stored, err = readTokenFile(c.path); err != nil {
		return nil, err
	}
	if c.demo, err = app.ReadDemo(cfg.DataDir); err != nil {
		return nil, err
	}
	if login {
		c.stored = tokenFile{Username: c.stored.Username, DeviceToken: c.stored.DeviceToken}
	}

	if c.stored.tlsFiles, err = mergeTLSFiles(f.tls, c.stored.tlsFiles); err != nil {
		return nil, err
	}
	c.stored.GRPC = app.DialAddress(cmp.Or(f.grpc, c.stored.GRPC, c.demo.GRPC, cfg.GRPC.Address))
	if c.stored.GRPC != c.demo.GRPC {
		c.demo = app.Demo{} // its secrets must not go to another issuer
	}
	if f.clientID != "" && f.clientID != c.stored.ClientID {
		c.stored.ClientID, c.stored.ClientSecretFile, c.stored.Public = f.clientID, "", false
	}
	if c.stored.ClientID = cmp.Or(c.stored.ClientID, c.demo.ClientID); c.stored.ClientID == "" {
		if c.stored.ClientID, err = p.prompt(ctx, "Client id"); err != nil {
			return nil, err
		}
	}
	return c, c.findSecret(ctx, f)
}

// findSecret finds the client secret.
func (c *call) findSecret(ctx context.Context, f *callFlags) (err error) {
	if f.secretFile != "" {
		c.stored.Public = false
		if c.stored.ClientSecretFile, err = filepath.Abs(f.secretFile); err != nil {
			return err
		}
	}
	c.stored.Public = c.stored.Public || f.public

	switch {
	case c.stored.Public:
	case c.stored.ClientSecretFile != "":
		c.secret, err = c.p.readSecretFile(c.stored.ClientSecretFile)
	case c.stored.CertFile != "":
	case c.stored.ClientID == c.demo.ClientID:
		c.secret = c.demo.ClientSecret
	default:
		c.secret, err = c.p.promptSecret(ctx, "Client secret")
	}
	return err
}

// token returns the token in a file, or the stored token if no file is named.
func (c *call) token(file, stored string) (string, error) {
	switch {
	case file == "-":
		return c.p.readLine("Token")
	case file != "":
		return c.p.readSecretFile(file)
	case stored == "":
		return "", errors.New("there is no stored token: run `signet login`, or give a token by --token-file")
	}
	return stored, nil
}

// finish stores the tokens of a token response and then prints them.
func (c *call) finish(t *signetv1.TokenResponse) error {
	c.stored.set(t)
	if err := c.stored.write(c.path); err != nil {
		return err
	}
	result := newTokenResult(t)
	return c.p.printResult(result, result.printer(c.path))
}

// do sends one request with the client's authentication (RFC 6749 §2.3.1).
func (c *call) do(ctx context.Context, send func(context.Context, signetv1.TokenServiceClient) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	conn, err := dial(c.stored.GRPC, c.stored.tlsFiles, c.server)
	if err != nil {
		return err
	}
	defer conn.Close()
	pair := url.QueryEscape(c.stored.ClientID) + ":" + url.QueryEscape(c.secret)
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", basic)
	return describeStatus(c.stored.GRPC, send(ctx, signetv1.NewTokenServiceClient(conn)))
}

// describeStatus turns a gRPC error into a message for the user. An error of
// the issuer has the issuer's error code.
func describeStatus(address string, err error) error {
	s, ok := status.FromError(err)
	if err == nil || !ok {
		return err
	}
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == "signet" {
			return fmt.Errorf("%s (%s)", s.Message(), info.GetReason())
		}
	}
	switch s.Code() {
	case codes.Canceled:
		return context.Canceled
	case codes.Unavailable, codes.DeadlineExceeded:
		return fmt.Errorf("cannot reach the issuer at %s: %s", address,
			strings.TrimPrefix(s.Message(), "connection error: "))
	}
	return fmt.Errorf("%s (%s)", s.Message(), s.Code())
}

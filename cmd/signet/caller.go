package main

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

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/config"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// callPatience bounds one call, connecting included.
const callPatience = 15 * time.Second

// callerFlags say which issuer is called, and by which client.
type callerFlags struct {
	grpc       string
	clientID   string
	secretFile string
	public     bool
	trust      trust
}

func newCallerFlags(c *cobra.Command) *callerFlags {
	f := new(callerFlags)
	c.Flags().StringVar(&f.grpc, "grpc", "", "the issuer's gRPC `ADDRESS` (default that of the kept login, dev.json or the configuration)")
	c.Flags().StringVar(&f.clientID, "client-id", "", "the client's `ID` (default that of the kept login or dev.json)")
	c.Flags().StringVar(&f.secretFile, "client-secret-file", "", "read the client's secret from this `FILE`")
	c.Flags().BoolVar(&f.public, "public", false, "the client has no secret")
	c.MarkFlagsMutuallyExclusive("client-secret-file", "public")
	f.trust.addFlags(c)
	return f
}

// A use is one call of a running issuer: where, by whom, and what is kept.
type use struct {
	p      *program
	keptIn string
	kept   kept
	dev    devFacts
	secret string
	tls    config.TLS
}

// newUse gathers who calls whom: from the flags, else from the kept login (which a new login does not look at), else from
// dev.json, else by asking.
func (p *program) newUse(ctx context.Context, f *callerFlags, login bool) (*use, error) {
	cfg, err := p.loadClient()
	if err != nil {
		return nil, err
	}
	u := &use{p: p, keptIn: filepath.Join(cfg.DataDir, tokenFile), tls: cfg.TLS}
	if err := readOwnJSON(u.keptIn, &u.kept); err != nil {
		return nil, err
	}
	if err := readOwnJSON(filepath.Join(cfg.DataDir, devFactsFile), &u.dev); err != nil {
		return nil, err
	}
	if login { // of the login before only the device stays
		u.kept = kept{Username: u.kept.Username, DeviceToken: u.kept.DeviceToken}
	}
	if u.kept.trust, err = f.trust.absolute(u.kept.trust); err != nil {
		return nil, err
	}
	u.kept.GRPC = cmp.Or(f.grpc, u.kept.GRPC, u.dev.GRPC, cfg.GRPC.Address)
	if u.kept.GRPC != u.dev.GRPC { // the secrets of dev.json are for its own issuer
		u.dev = devFacts{}
	}
	if f.clientID != "" && f.clientID != u.kept.ClientID {
		u.kept.ClientID, u.kept.ClientSecretFile, u.kept.Public = f.clientID, "", false
	}
	if u.kept.ClientID = cmp.Or(u.kept.ClientID, u.dev.ClientID); u.kept.ClientID == "" {
		if u.kept.ClientID, err = p.ask(ctx, "Client id"); err != nil {
			return nil, err
		}
	}
	return u, u.findSecret(ctx, f)
}

// findSecret finds the secret of the client, unless it is a public one or has a certificate.
func (u *use) findSecret(ctx context.Context, f *callerFlags) (err error) {
	if f.secretFile != "" {
		u.kept.Public = false
		if u.kept.ClientSecretFile, err = filepath.Abs(f.secretFile); err != nil {
			return err
		}
	}
	u.kept.Public = u.kept.Public || f.public
	switch {
	case u.kept.Public:
	case u.kept.ClientSecretFile != "":
		u.secret, err = secretFile(u.kept.ClientSecretFile)
	case u.kept.CertFile != "": // the certificate takes its place
	case u.kept.ClientID == u.dev.ClientID:
		u.secret = u.dev.ClientSecret
	default:
		u.secret, err = u.p.askSecret(ctx, "Client secret")
	}
	return err
}

// fillLogin finds out who logs in, and with what.
func (u *use) fillLogin(ctx context.Context, r *signetv1.LoginRequest) (err error) {
	device := u.kept.Username
	if u.dev.Username != "" && (r.Username == "" || r.Username == u.dev.Username) {
		r.Username, r.Password = u.dev.Username, u.dev.Password
		if len(r.Audience) == 0 && u.dev.Audience != "" {
			r.Audience = []string{u.dev.Audience}
		}
	}
	if r.Username == "" {
		if r.Username, err = u.p.ask(ctx, "User name"); err != nil {
			return err
		}
	}
	if r.Password == "" {
		if r.Password, err = u.p.askSecret(ctx, "Password"); err != nil {
			return err
		}
	}
	if u.kept.DeviceToken != "" && r.Username == device {
		r.DeviceToken = u.kept.DeviceToken
	}
	return nil
}

// token returns the token in a file, or the kept one if no file is named.
func (u *use) token(file, kept string) (string, error) {
	switch {
	case file == "-":
		return u.p.readLine("Token")
	case file != "":
		return secretFile(file)
	case kept == "":
		return "", errors.New("no token is kept; `signet login` comes first, or name one by --token-file")
	}
	return kept, nil
}

// keep stores the tokens of an answer before it prints them.
func (u *use) keep(t *signetv1.TokenResponse) error {
	u.kept.take(t)
	if err := makePrivateDir(filepath.Dir(u.keptIn)); err != nil {
		return err
	}
	if err := writeOwnJSON(u.keptIn, u.kept); err != nil {
		return about("keep the tokens", err)
	}
	result := tokenResult{
		AccessToken: t.GetAccessToken(), TokenType: t.GetTokenType(), ExpiresIn: t.GetExpiresIn(), RefreshExpiresIn: t.GetRefreshExpiresIn(),
		Scope: t.GetScope(), Subject: t.GetSubject(), GrantID: t.GetGrantId(), decoded: decode(t.GetAccessToken()),
	}
	return u.p.show(result, result.printer(u.keptIn))
}

// call makes one call as the client.
func (u *use) call(ctx context.Context, do func(context.Context, signetv1.TokenServiceClient) error) error {
	ctx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	conn, err := u.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	pair := url.QueryEscape(u.kept.ClientID) + ":" + url.QueryEscape(u.secret) // RFC 6749 §2.3.1
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	return answerOf(u.kept.GRPC, do(ctx, signetv1.NewTokenServiceClient(conn)))
}

// answerOf turns a gRPC error into a sentence, with the issuer's reason if it is the issuer's.
func answerOf(address string, err error) error {
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
		return fmt.Errorf("the issuer at %s does not answer: %s", address, strings.TrimPrefix(s.Message(), "connection error: "))
	}
	return fmt.Errorf("%s (%s)", s.Message(), s.Code())
}

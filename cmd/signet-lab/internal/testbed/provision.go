package testbed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/signetd/signet/cmd/signet-lab/internal/grpcconn"
	"github.com/signetd/signet/cmd/signet-lab/internal/operation"
	"github.com/signetd/signet/internal/password"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// provision creates audiences, a client that may mint any subject, a client
// that may administer the issuer, and users in an empty store. It sets the
// credentials of i.
func (b *Testbed) provision(ctx context.Context, i *Issuer, env []string) error {
	if _, err := os.Stat(b.kekFile()); errors.Is(err, os.ErrNotExist) {
		if _, err := b.run(ctx, env, "", "keys", "--new-kek", b.kekFile()); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"migrate"},
		{"audiences", "create", audienceEdDSA, "--alg", "EdDSA"},
		{"audiences", "create", Identifier, "--alg", "EdDSA", "--scope", "signet.admin"},
	} {
		if _, err := b.run(ctx, env, "", args...); err != nil {
			return err
		}
	}
	usernames, err := b.importUsers(ctx, env)
	if err != nil {
		return err
	}

	secret, err := b.createClient(ctx, env, clientID, "--audience", audienceEdDSA, "--mint-subjects")
	if err != nil {
		return err
	}
	i.Server = operation.Server{
		ClientID: clientID, ClientSecret: secret, Usernames: usernames, Password: userPassword, Audience: audienceEdDSA,
	}
	i.adminSecret, err = b.createClient(ctx, env, adminID, "--audience", Identifier, "--scope", "signet.admin")
	return err
}

// createClient creates a client and returns its secret.
func (b *Testbed) createClient(ctx context.Context, env []string, id string, flags ...string) (string, error) {
	out, err := b.run(ctx, env, "", append([]string{"clients", "create", id, "--output", "json"}, flags...)...)
	if err != nil {
		return "", err
	}
	var created struct {
		Secret string `json:"client_secret"`
	}
	return created.Secret, json.Unmarshal(out, &created)
}

// Admin returns a client of the issuer's AdminService. Its token is valid for
// ten minutes. close closes the connection.
func (i *Issuer) Admin(ctx context.Context) (service signetv1.AdminServiceClient, closeConn func(), err error) {
	server := operation.Server{GRPC: i.GRPC, ClientID: adminID, ClientSecret: i.adminSecret}
	c := server.Connect(1)
	minted, err := c.TokenService.Mint(ctx, &signetv1.MintRequest{Audience: []string{Identifier}})
	c.Close()
	if err != nil {
		return nil, nil, err
	}
	conn := &grpcconn.Conn{Address: i.GRPC, Authorization: "Bearer " + minted.GetTokens()[0].GetAccessToken()}
	return signetv1.NewAdminServiceClient(conn), func() { _ = conn.Close() }, nil
}

// importUsers creates users with one password and returns their names.
func (b *Testbed) importUsers(ctx context.Context, env []string) ([]string, error) {
	hasher, err := password.New(password.Options{Params: password.MinParams()})
	if err != nil {
		return nil, err
	}
	hash, err := hasher.Hash(ctx, userPassword)
	if err != nil {
		return nil, err
	}

	names := make([]string, users)
	var lines strings.Builder
	for i := range names {
		names[i] = fmt.Sprint("lab", i)
		fmt.Fprintf(&lines, "{\"username\": %q, \"password_hash\": %q}\n", names[i], hash)
	}
	_, err = b.run(ctx, env, lines.String(), "users", "import")
	return names, err
}

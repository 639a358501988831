package interop

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/pgtest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// TestCompose_IssuersShareGrants starts the programs of the Compose file in
// order and with its environment, on a Postgres of the test. It refreshes at
// both issuers in turn.
func TestCompose_IssuersShareGrants(t *testing.T) {
	const username, password = "ann", "six purple umbrellas sing"
	project := loadCompose(t)
	store, volume := pgtest.Empty(t), t.TempDir()
	makeKEK(t, project, volume)
	service := func(name string) *issuer {
		settings := project.Services[name].Environment.ToMapping()
		settings["SIGNET_STORE_URL"], settings["SIGNET_KEK_FILE"] = store, filepath.Join(volume, "kek")
		return newIssuer(t, settings)
	}
	migrate, a, b := service("migrate"), service("issuer-a"), service("issuer-b")
	migrate.run(t, "", nil, project.Services["migrate"].Command...)

	migrate.run(t, "", nil, "audiences", "create", "https://api.example")
	var client struct {
		Secret string `json:"client_secret"`
	}
	migrate.run(t, "", &client, "clients", "create", "shop", "--audience", "https://api.example", "--scope", "orders")
	migrate.run(t, password+"\n", nil, "users", "create", username)
	stopA := a.serve(t)
	b.serve(t)

	login, err := call(t, a, "shop", client.Secret, signetv1.TokenServiceClient.Login, &signetv1.LoginRequest{
		Username: username, Password: password,
	})
	if err != nil {
		t.Fatalf("log in: %v", err)
	}
	refresh := func(i *issuer, token, key string) (*signetv1.TokenResponse, error) {
		return call(t, i, "shop", client.Secret, signetv1.TokenServiceClient.Refresh, &signetv1.RefreshRequest{
			RefreshToken: token, IdempotencyKey: key,
		})
	}
	token := login.GetRefreshToken()
	for n := range 10 {
		key := fmt.Sprint("key ", n)
		one, other := a, b
		if n%2 == 1 {
			one, other = b, a
		}
		rotated, err := refresh(one, token, key)
		if err != nil {
			t.Fatalf("refresh %d: %v", n, err)
		}
		retry, err := refresh(other, token, key)
		if err != nil || retry.GetRefreshToken() != rotated.GetRefreshToken() {
			t.Fatalf("refresh %d, retry at the other issuer: error %v, or another successor", n, err)
		}
		if rotated.GetRefreshToken() == token || rotated.GetGrantId() != login.GetGrantId() {
			t.Fatalf("refresh %d: grant %s, or the same token", n, rotated.GetGrantId())
		}
		token = rotated.GetRefreshToken()
	}

	stopA()
	last, err := refresh(b, token, "last")
	if err != nil {
		t.Fatalf("refresh after the other issuer has stopped: %v", err)
	}
	a.serve(t)
	if ours, theirs := keySet(t, a), keySet(t, b); ours != theirs {
		t.Errorf("the JWK Sets differ:\n%s\n%s", ours, theirs)
	}

	_, err = call(t, b, "shop", client.Secret, signetv1.TokenServiceClient.Revoke, &signetv1.RevokeRequest{
		Token: last.GetRefreshToken(),
	})
	if err != nil {
		t.Fatalf("revoke: %v", err)
	}
	if _, err := refresh(a, last.GetRefreshToken(), "late"); reason(err) != "INVALID_GRANT" {
		t.Errorf("refresh at one issuer after a revocation at the other: %v", err)
	}

	// The file systems of the containers are read-only, so no program may write
	// to its folder.
	for _, i := range []*issuer{migrate, a, b} {
		if written, err := os.ReadDir(i.dir); err != nil || len(written) > 0 {
			t.Errorf("a program with Postgres has written %v, error %v", written, err)
		}
	}
}

// keySet returns the JWK Set of an issuer.
func keySet(t *testing.T, i *issuer) string {
	t.Helper()
	url := "http://" + i.http + "/.well-known/jwks.json"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	set, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("read the JWK Set: %s, %v", response.Status, err)
	}
	return string(set)
}

// reason returns the reason in the details of a gRPC error, or an empty string.
func reason(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == "signet" {
			return info.GetReason()
		}
	}
	return ""
}

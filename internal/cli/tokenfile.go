package cli

import (
	"crypto/rand"
	"path/filepath"
	"time"

	"github.com/signetd/signet/internal/app"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A tokenFile is the content of token.json in data_dir: a login at an issuer.
// `login` writes it; `refresh`, `revoke` and `introspect` read it.
type tokenFile struct {
	target
	Username string `json:"username"`
	storedTokens
	DeviceToken string `json:"device_token,omitempty"`
	tlsFiles
}

// A target is an issuer, and the client that calls it.
type target struct {
	GRPC             string `json:"grpc"`
	ClientID         string `json:"client_id"`
	ClientSecretFile string `json:"client_secret_file,omitempty"`
	Public           bool   `json:"public,omitempty"`
}

// storedTokens are the tokens of the last token response.
type storedTokens struct {
	Subject          string    `json:"subject"`
	GrantID          string    `json:"grant_id"`
	Scope            string    `json:"scope"`
	AccessToken      string    `json:"access_token"`
	ExpiresAt        time.Time `json:"expires_at"`
	RefreshToken     string    `json:"refresh_token"`
	RefreshExpiresAt time.Time `json:"refresh_expires_at"`
	// IdempotencyKey is the key for the next refresh. It belongs to
	// RefreshToken and stays until the next token is stored: a refresh whose
	// response was lost can be sent again.
	IdempotencyKey string `json:"idempotency_key"`
}

// tlsFiles are the files that protect the connection to an issuer: the CAs that
// may sign the issuer's certificate, and the client's own certificate.
type tlsFiles struct {
	CAFile   string `json:"ca_file,omitempty"`
	CertFile string `json:"cert_file,omitempty"`
	KeyFile  string `json:"key_file,omitempty"`
}

// tokenFilePath returns the path of token.json.
func tokenFilePath(dataDir string) string { return filepath.Join(dataDir, "token.json") }

// readTokenFile reads token.json. Without that file it returns the zero value.
func readTokenFile(path string) (f tokenFile, err error) {
	err = app.ReadJSON(path, &f)
	return f, err
}

// write writes token.json and creates its directory.
func (f tokenFile) write(path string) error {
	if err := app.MakePrivateDir(filepath.Dir(path)); err != nil {
		return err
	}
	return wrapError("store the tokens", app.WriteJSON(path, f))
}

// set replaces the tokens by those of a token response, and creates the
// idempotency key for the next refresh.
func (f *tokenFile) set(t *signetv1.TokenResponse) {
	now := time.Now().UTC().Truncate(time.Second)
	f.storedTokens = storedTokens{
		Subject: t.GetSubject(), GrantID: t.GetGrantId(), Scope: t.GetScope(),
		AccessToken: t.GetAccessToken(), ExpiresAt: now.Add(time.Duration(t.GetExpiresIn()) * time.Second),
		RefreshToken:     t.GetRefreshToken(),
		RefreshExpiresAt: now.Add(time.Duration(t.GetRefreshExpiresIn()) * time.Second),
		IdempotencyKey:   rand.Text(),
	}
	if t.GetDeviceToken() != "" {
		f.DeviceToken = t.GetDeviceToken()
	}
}

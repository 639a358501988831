package interop

import (
	"encoding/pem"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/interop/programs"
)

// TestVerifyPage_Kubernetes runs the configuration of docs/verify.md with the
// code of the Kubernetes API server.
func TestVerifyPage_Kubernetes(t *testing.T) {
	skipUnlessLong(t, "it builds packages of Kubernetes")
	program := filepath.Join(t.TempDir(), "kubernetes")
	command(t, "kubernetes", "go", "vet", ".")
	command(t, "kubernetes", "go", "build", "-ldflags=-w", "-o", program, ".")

	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			f := startVerifyFixture(t, "https", alg, "kubernetes", "--claim", "groups")
			answer := startProgram(t, f, ".", program, kubernetesConfiguration(t, f))
			if alg == "EdDSA" {
				if line := answer(f.mint(t)); !strings.Contains(line, "unsupported") {
					t.Errorf("the answer to a token with EdDSA is %q", line)
				}
				return
			}
			want := "ok signet:" + f.login.GetSubject() + " [signet:dev]"
			if line := answer(f.login.GetAccessToken()); line != want {
				t.Errorf("the answer to the token of a login is %q; want %q", line, want)
			}
			verify := byLines(answer)
			checkVerifier(t, f, verify, "typ ", "another algorithm")
			if verify(f.sign(t, f.key, nil, map[string]any{"client_id": nil})) == nil {
				t.Error("a token without client_id is accepted")
			}
			f.run(t, "", nil, "keys", "--compromise", f.key.kid)
			if err := verify(f.sign(t, f.key, nil, nil)); err != nil {
				t.Errorf("the page says that a withdrawn key is accepted: %v", err)
			}
		})
	}
}

// kubernetesConfiguration writes the configuration of the page for the issuer
// of f, and returns its path.
func kubernetesConfiguration(t *testing.T, f *verifyFixture) string {
	t.Helper()
	authority := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.cert.Raw}))
	indented := strings.ReplaceAll(strings.TrimSpace(authority), "\n", "\n        ")
	text := programs.Block(t, "verify.md", "yaml kubernetes",
		"https://login.example.com\n", f.url+"\n      certificateAuthority: |\n        "+indented+"\n")
	return programs.Write(t, t.TempDir(), "authentication.yaml", text)
}

package interop

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwk"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
	"github.com/signetd/signet/verify"
)

// A verifier verifies an access token as a downstream service does. It finds
// the keys by the issuer identifier only. It returns the subject if the token
// is signed with alg, comes from the issuer and is for the audience.
type verifier func(ctx context.Context, issuer, token, alg, audience string) (subject string, err error)

var verifiers = map[string]verifier{
	"go-oidc":                 byOIDC,
	"golang-jwt with keyfunc": byGolangJWT,
	"jwx v3":                  byJWX,
}

func byOIDC(ctx context.Context, issuer, token, alg, audience string) (string, error) {
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return "", err
	}
	// The verifier accepts the algorithms of the metadata document.
	verified, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: audience}).Verify(ctx, token)
	if err != nil {
		return "", err
	}
	return verified.Subject, nil
}

func byGolangJWT(ctx context.Context, issuer, token, alg, audience string) (string, error) {
	uri, err := discover(ctx, issuer, "openid-configuration")
	if err != nil {
		return "", err
	}
	keys, err := keyfunc.NewDefaultCtx(ctx, []string{uri})
	if err != nil {
		return "", err
	}
	verified, err := jwt.Parse(
		token, keys.KeyfuncCtx(ctx),
		jwt.WithValidMethods([]string{alg}), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
	)
	if err != nil {
		return "", err
	}
	return verified.Claims.GetSubject()
}

func byJWX(ctx context.Context, issuer, token, alg, audience string) (string, error) {
	uri, err := discover(ctx, issuer, "oauth-authorization-server")
	if err != nil {
		return "", err
	}
	set, err := jwk.Fetch(ctx, uri)
	if err != nil {
		return "", err
	}
	verified, err := jwxjwt.ParseString(
		token, jwxjwt.WithKeySet(set), jwxjwt.WithIssuer(issuer), jwxjwt.WithAudience(audience),
		jwxjwt.WithRequiredClaim("exp"), jwxjwt.WithRequiredClaim("client_id"), jwxjwt.WithRequiredClaim("jti"),
	)
	if err != nil {
		return "", err
	}
	subject, _ := verified.Subject()
	return subject, nil
}

// discover returns the URL of the JWK Set from a metadata document
// (OpenID Connect Discovery §4, RFC 8414 §3).
func discover(ctx context.Context, issuer, document string) (string, error) {
	address := strings.TrimSuffix(issuer, "/") + "/.well-known/" + document
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var metadata struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.NewDecoder(response.Body).Decode(&metadata); err != nil {
		return "", err
	}
	if metadata.Issuer != issuer {
		return "", errors.New("the metadata is of the issuer " + metadata.Issuer)
	}
	return metadata.JWKSURI, nil
}

// TestVerifierLibraries verifies tokens of each algorithm with each library.
func TestVerifierLibraries(t *testing.T) {
	const username, password = "ann", "six purple umbrellas sing"
	algorithms := []string{"RS256", "ES256", "EdDSA"}

	i := newIssuer(t, nil)
	i.run(t, "", nil, "migrate")
	create := []string{"clients", "create", "shop", "--scope", "orders"}
	for _, alg := range algorithms {
		i.run(t, "", nil, "audiences", "create", audienceOf(alg), "--alg", alg)
		create = append(create, "--audience", audienceOf(alg))
	}
	var client struct {
		Secret string `json:"client_secret"`
	}
	i.run(t, "", &client, create...)
	i.run(t, password+"\n", nil, "users", "create", username)
	i.serve(t)

	for n, alg := range algorithms {
		response, err := call(t, i, "shop", client.Secret, signetv1.TokenServiceClient.Login, &signetv1.LoginRequest{
			Username: username, Password: password, Audience: []string{audienceOf(alg)},
		})
		if err != nil {
			t.Fatalf("log in for %s: %v", alg, err)
		}
		token, identifier := response.GetAccessToken(), "http://"+i.http
		if got := algorithm(t, token); got != alg {
			t.Fatalf("a token for %s is signed with %s", audienceOf(alg), got)
		}
		other := algorithms[(n+1)%len(algorithms)]
		for name, verifyBy := range verifiers {
			t.Run(alg+"/"+name, func(t *testing.T) {
				subject, err := verifyBy(t.Context(), identifier, token, alg, audienceOf(alg))
				if err != nil || subject != response.GetSubject() || subject == "" {
					t.Errorf("subject %q, error %v; want %q", subject, err, response.GetSubject())
				}
				if _, err := verifyBy(t.Context(), identifier, token, alg, audienceOf(other)); err == nil {
					t.Error("the verifier accepts a token for another audience")
				}
				if _, err := verifyBy(t.Context(), identifier, forge(token), alg, audienceOf(alg)); err == nil {
					t.Error("the verifier accepts a forged signature")
				}
			})
		}
	}
}

// TestVerifierLibraries_IdentifierWithASlash verifies tokens of issuers whose
// identifier ends with a slash, as those of some other issuers do.
func TestVerifierLibraries_IdentifierWithASlash(t *testing.T) {
	const audience = "https://api.example"
	for _, path := range []string{"/", "/tenant/"} {
		t.Run(path, func(t *testing.T) {
			i := newIssuer(t, nil)
			identifier := "http://" + i.http + path
			i.env = append(i.env, "SIGNET_ISSUER="+identifier)
			i.run(t, "", nil, "migrate")
			i.run(t, "", nil, "audiences", "create", audience)
			var client struct {
				Secret string `json:"client_secret"`
			}
			i.run(t, "", &client, "clients", "create", "shop", "--audience", audience)
			i.serve(t)

			response, err := call(t, i, "shop", client.Secret, signetv1.TokenServiceClient.Mint,
				&signetv1.MintRequest{Audience: []string{audience}})
			if err != nil {
				t.Fatal(err)
			}
			token := response.GetTokens()[0].GetAccessToken()
			for _, name := range []string{"go-oidc", "golang-jwt with keyfunc"} {
				subject, err := verifiers[name](t.Context(), identifier, token, "RS256", audience)
				if subject != "shop" {
					t.Errorf("%s: subject %q, error %v", name, subject, err)
				}
			}
			v, err := verify.New(t.Context(), identifier, verify.Options{
				Audience: audience, Revocation: verify.FailClosed(2 * time.Second), Log: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			if _, err := v.Verify(t.Context(), token); err != nil {
				t.Errorf("verify: %v", err)
			}
		})
	}
}

// audienceOf returns the audience whose tokens are signed with alg.
func audienceOf(alg string) string { return "https://" + strings.ToLower(alg) + ".example" }

// algorithm returns the alg of a token's header.
func algorithm(t *testing.T, token string) string {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	if err != nil {
		t.Fatalf("an access token is not a JWT: %v", err)
	}
	return parsed.Method.Alg()
}

// forge returns the token with another first character of the signature.
func forge(token string) string {
	at := strings.LastIndexByte(token, '.') + 1
	changed := slices.Clone([]byte(token))
	changed[at] = 'A' + (changed[at]-'A'+1)%2
	return string(changed)
}

package rpc_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Rule 4: A token with a hostile kid is rejected like any invalid token. The
// server reads neither a file nor the store: the store is closed in this test,
// so a read would return UNAVAILABLE.
func TestRule04_HostileKid(t *testing.T) {
	f := newFixture(t)
	web := f.As(t, "web")
	parts := strings.Split(f.LogIn(t, "web").GetAccessToken(), ".")
	if err := f.Store.Close(); err != nil {
		t.Fatal(err)
	}
	f.Logs.Reset()
	for _, kid := range []string{
		`"../../etc/passwd"`, `"' OR 1=1--"`, `"|sleep 5"`, `"` + strings.Repeat("a", 64<<10) + `"`,
		`"` + strings.Repeat("a", 4<<10) + `"`,
		`"a\u0000b"`, `"a\r\nlevel=ERROR msg=forged"`, `7`, `["a"]`, `{}`, `null`, ``,
	} {
		header := `{"alg":"RS256","typ":"at+jwt"}`
		if kid != "" {
			header = `{"alg":"RS256","typ":"at+jwt","kid":` + kid + `}`
		}
		forged := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + parts[1] + "." + parts[2]
		r, err := f.TokenService.Introspect(web, &signetv1.IntrospectRequest{Token: forged})
		switch {
		case len(forged) > 64<<10:
			if status.Code(err) != codes.ResourceExhausted {
				t.Errorf("kid of %d bytes: %v", len(kid), err)
			}
		case err != nil || r.GetActive() || r.GetSubject() != "":
			t.Errorf("kid %.30s: %v %v", kid, r, err)
		}
		_, err = f.TokenService.Revoke(web, &signetv1.RevokeRequest{Token: forged})
		if err != nil && len(forged) <= 8<<10 {
			t.Errorf("kid %.30s: Revoke: %v", kid, err)
		}
	}
	if text := f.Logs.Text(); strings.Contains(text, "passwd") || strings.Contains(text, "sleep") ||
		strings.Contains(text, "forged") {
		t.Errorf("the log has a kid: %s", text)
	}
	for line := range bytes.Lines([]byte(f.Logs.Text())) {
		if !json.Valid(line) {
			t.Errorf("the log line is not JSON: %q", line)
		}
	}
}

// Rule 15: Every token has a kid of the JWK Set, an audience, a unique jti, and
// the lifetime of its audience.
func TestRule15_TokensAreAsConfigured(t *testing.T) {
	f := newFixture(t)
	set, err := f.KeyService.GetKeySet(t.Context(), &signetv1.GetKeySetRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var jwks struct{ Keys []struct{ Kid, Alg string } }
	if err := json.Unmarshal(set.GetJwks(), &jwks); err != nil {
		t.Fatal(err)
	}
	algorithms, seen := make(map[string]string), make(map[string]bool)
	for _, k := range jwks.Keys {
		algorithms[k.Kid] = k.Alg
	}
	for audience, want := range map[string]struct {
		algorithm string
		lifetime  int64
	}{"api": {"RS256", 600}, "api-es": {"ES256", 300}, "api-ed": {"EdDSA", 60}} {
		r, err := f.TokenService.Login(f.As(t, "web"), &signetv1.LoginRequest{
			Username: username, Password: password, Audience: []string{audience},
		})
		if err != nil {
			t.Fatal(audience, err)
		}
		for range 3 {
			header, claims := decode(t, r.GetAccessToken())
			kid, _ := header["kid"].(string)
			if algorithms[kid] != want.algorithm || header["alg"] != want.algorithm {
				t.Errorf("%s: kid %q: alg %q in the header, %q in the JWK Set",
					audience, kid, header["alg"], algorithms[kid])
			}
			if life := claims["exp"].(float64) - claims["iat"].(float64); int64(life) != want.lifetime ||
				r.GetExpiresIn() != want.lifetime {
				t.Errorf("%s: lifetime %v s, expires_in %d", audience, life, r.GetExpiresIn())
			}
			if aud, ok := claims["aud"]; !ok || aud != audience && !slices.Equal(aud.([]any), []any{audience}) {
				t.Errorf("%s: aud %v", audience, aud)
			}
			jti, _ := claims["jti"].(string)
			if jti == "" || seen[jti] {
				t.Errorf("%s: jti %q is not unique", audience, jti)
			}
			seen[jti] = true
			if r, err = f.Refresh(t, "web", r.GetRefreshToken()); err != nil {
				t.Fatal(audience, err)
			}
		}
	}
}

// Rule 23: All of 64 concurrent refreshes get the same successor.
func TestRule23_ParallelRefresh(t *testing.T) {
	f := newFixture(t)
	in, web := f.LogIn(t, "web"), f.As(t, "web")
	var wait sync.WaitGroup
	successors := make([]string, 64)
	for n := range successors {
		wait.Go(func() {
			r, err := f.TokenService.Refresh(web, &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken()})
			if err != nil {
				t.Error(err)
			}
			successors[n] = r.GetRefreshToken()
		})
	}
	wait.Wait()
	if slices.Sort(successors); successors[0] == in.GetRefreshToken() || len(slices.Compact(successors)) != 1 {
		t.Errorf("%d successors", len(slices.Compact(successors)))
	}
}

// Rule 24: A client that has not received the response repeats the refresh and
// gets the same successor.
func TestRule24_LostResponse(t *testing.T) {
	for name, key := range map[string]string{"with a key": "k1", "within the leeway": ""} {
		f := newFixture(t)
		in, web := f.LogIn(t, "web"), f.As(t, "web")
		request := &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken(), IdempotencyKey: key}
		lost, err := f.TokenService.Refresh(web, request)
		if err != nil {
			t.Fatal(name, err)
		}
		if key != "" {
			f.Pass(t, leeway*50)
		}
		second, err := f.TokenService.Refresh(web, request)
		if err != nil || second.GetRefreshToken() != lost.GetRefreshToken() {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := f.TokenService.Refresh(web, &signetv1.RefreshRequest{
			RefreshToken: second.GetRefreshToken(),
		}); err != nil {
			t.Errorf("%s: refresh with the successor: %v", name, err)
		}
	}
}

// Rule 27: Only its own client can use a refresh token. Attempts of other
// clients do not rotate it.
func TestRule27_OtherClientsAndNoClient(t *testing.T) {
	f := newFixture(t)
	in := f.LogIn(t, "web")
	with := func(values ...string) error {
		ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"authorization": values})
		_, err := f.TokenService.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken()})
		return err
	}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"another client":         {with(f.Basic("other")), "INVALID_GRANT"},
		"a public client":        {with(f.Basic("spa")), "INVALID_GRANT"},
		"no client":              {with(), "INVALID_CLIENT"},
		"wrong secret":           {with(rpctest.Basic("web", "wrong")), "INVALID_CLIENT"},
		"confidential as public": {with(rpctest.Basic("web", "")), "INVALID_CLIENT"},
		"two clients":            {with(f.Basic("web"), f.Basic("other")), "INVALID_CLIENT"},
	} {
		if status.Code(c.err) != codes.Unauthenticated || reason(c.err) != c.want {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	f.Pass(t, 2*leeway) // a token that is rotated already would then be reuse
	for range 2 {
		r, err := f.Refresh(t, "web", in.GetRefreshToken())
		if err != nil {
			t.Fatalf("the client of the token: %v", err)
		}
		in = r
	}
}

// Rule 29: A refresh can narrow the scope of the access token but not extend
// it. The scope of the grant stays the same.
func TestRule29_Scope(t *testing.T) {
	f := newFixture(t)
	web := f.As(t, "web")
	in, err := f.TokenService.Login(web, &signetv1.LoginRequest{
		Username: username, Password: password, Scope: "read write",
	})
	if err != nil {
		t.Fatal(err)
	}
	refresh := func(scope string) (*signetv1.TokenResponse, error) {
		return f.TokenService.Refresh(web, &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken(), Scope: scope})
	}
	for _, wider := range []string{"admin", "read write admin", "nonsense\"", "read\twrite", "read  admin", "  "} {
		if _, err := refresh(wider); status.Code(err) != codes.InvalidArgument || reason(err) != "INVALID_SCOPE" {
			t.Errorf("scope %q: %v", wider, err)
		}
	}
	f.Pass(t, 2*leeway) // if a refused refresh had rotated the token, it would be reuse
	for _, c := range []struct{ requested, want string }{
		{"read", "read"}, {"", "read write"}, {"write read", "read write"}, {"  write   read ", "read write"},
	} {
		r, err := refresh(c.requested)
		if err != nil {
			t.Fatalf("scope %q: %v", c.requested, err)
		}
		if _, claims := decode(t, r.GetAccessToken()); r.GetScope() != c.want || claims["scope"] != c.want {
			t.Errorf("scope %q: response %q, token %q", c.requested, r.GetScope(), claims["scope"])
		}
		in = r
	}
}

// Rule 32: A revocation that the store has not confirmed is an error. The
// revocation of an unknown token succeeds.
func TestRule32_RevokeWithoutAStore(t *testing.T) {
	f := newFixture(t)
	web, in := f.As(t, "web"), f.LogIn(t, "web")
	for _, unknown := range []string{
		"nonsense", "sgr_nonsense", "a.b.c", in.GetRefreshToken() + "x", in.GetAccessToken() + "x",
	} {
		if _, err := f.TokenService.Revoke(web, &signetv1.RevokeRequest{Token: unknown}); err != nil {
			t.Errorf("unknown token %.10q: %v", unknown, err)
		}
	}
	if err := f.Store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{in.GetRefreshToken(), in.GetAccessToken()} {
		_, err := f.TokenService.Revoke(web, &signetv1.RevokeRequest{Token: token})
		if status.Code(err) != codes.Unavailable || reason(err) != "TEMPORARILY_UNAVAILABLE" {
			t.Errorf("without a store: %v", err)
		}
		if strings.Contains(status.Convert(err).Proto().String(), "closed") {
			t.Errorf("the status has the text of the store: %v", err)
		}
	}
	_, err := f.TokenService.Refresh(web, &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken()})
	if status.Code(err) != codes.Unavailable {
		t.Errorf("Refresh without a store: %v", err)
	}
	if _, err = f.TokenService.Login(web, &signetv1.LoginRequest{
		Username: username, Password: password,
	}); status.Code(err) != codes.Unavailable {
		t.Errorf("Login without a store: %v", err)
	}
}

// Rule 32: A token under a key that the server does not have is UNAVAILABLE
// while the store does not answer, with a retry delay: another server may have
// made the key. Otherwise the token is unknown.
func TestRule32_UnknownKeyWithoutAStore(t *testing.T) {
	t.Parallel() // it mostly waits
	f := newFixture(t)
	web, in := f.As(t, "web"), f.LogIn(t, "web")
	bearer := f.AdminLogIn(t, "ops").GetAccessToken()
	withKID := func(access, algorithm string) string {
		header := `{"typ":"at+jwt","alg":"` + algorithm + `","kid":"` + strings.Repeat("A", 43) + `"}`
		_, rest, _ := strings.Cut(access, ".")
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + rest
	}
	access, admin := withKID(in.GetAccessToken(), "RS256"), withKID(bearer, "ES256")
	refresh := "sgr_AQ" + strings.Repeat("A", 10) + in.GetRefreshToken()[16:]
	calls := map[string]func() error{
		"Introspect": func() error {
			found, err := f.TokenService.Introspect(web, &signetv1.IntrospectRequest{Token: access})
			if found.GetActive() {
				t.Error("a token under an unknown key is active")
			}
			return err
		},
		"Revoke": func() error {
			_, err := f.TokenService.Revoke(web, &signetv1.RevokeRequest{Token: access})
			return err
		},
		"Revoke of a refresh token": func() error {
			_, err := f.TokenService.Revoke(web, &signetv1.RevokeRequest{Token: refresh})
			return err
		},
		"Refresh": func() error {
			_, err := f.Refresh(t, "web", refresh)
			return err
		},
		"ListKeys": func() error {
			bearer := rpctest.WithAuthorization(t, "Bearer "+admin)
			_, err := f.AdminService.ListKeys(bearer, &signetv1.ListKeysRequest{})
			return err
		},
	}
	answers := map[string]string{"Refresh": "INVALID_GRANT", "ListKeys": "INVALID_CLIENT"}
	for name, call := range calls {
		if err := call(); reason(err) != answers[name] {
			t.Errorf("%s: %v, want %q", name, err, answers[name])
		}
	}
	must(t, f.Store.Close())
	for name, call := range calls {
		err := call()
		delay := rpctest.Detail[*errdetails.RetryInfo](status.Convert(err)).GetRetryDelay().AsDuration()
		if status.Code(err) != codes.Unavailable || delay <= 0 {
			t.Errorf("%s without a store: %v, retry after %s", name, err, delay)
		}
	}
}

// Rule 33: The revocation of another client's token succeeds, and the token
// stays valid.
func TestRule33_AnotherClientsToken(t *testing.T) {
	f := newFixture(t)
	in := f.LogIn(t, "web")
	for _, client := range []string{"other", "spa", "mesh"} {
		for _, token := range []string{in.GetRefreshToken(), in.GetAccessToken()} {
			if _, err := f.TokenService.Revoke(f.As(t, client), &signetv1.RevokeRequest{Token: token}); err != nil {
				t.Errorf("revocation by %s: %v", client, err)
			}
		}
	}
	for _, token := range []string{in.GetRefreshToken(), in.GetAccessToken()} {
		found, err := f.TokenService.Introspect(f.As(t, "web"), &signetv1.IntrospectRequest{Token: token})
		if err != nil || !found.GetActive() {
			t.Errorf("after the revocations: active %v, %v", found.GetActive(), err)
		}
	}
	if _, err := f.Refresh(t, "web", in.GetRefreshToken()); err != nil {
		t.Error(err)
	}
}

// Rule 34: Responses and errors of the token service must not be cached. The
// JWK Set may be cached.
func TestRule34_NoStore(t *testing.T) {
	f := newFixture(t)
	web := f.As(t, "web")
	var header metadata.MD
	in, err := f.TokenService.Login(web, &signetv1.LoginRequest{
		Username: username, Password: password,
	}, grpc.Header(&header))
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string) {
		t.Helper()
		if !slices.Equal(header.Get("cache-control"), []string{"no-store"}) ||
			!slices.Equal(header.Get("pragma"), []string{"no-cache"}) {
			t.Errorf("%s: %v", name, header)
		}
		header = nil
	}
	check("Login")
	if _, err := f.TokenService.Refresh(web, &signetv1.RefreshRequest{
		RefreshToken: in.GetRefreshToken(),
	}, grpc.Header(&header)); err != nil {
		t.Error(err)
	}
	check("Refresh")
	if _, err := f.TokenService.Introspect(web, &signetv1.IntrospectRequest{
		Token: in.GetAccessToken(),
	}, grpc.Header(&header)); err != nil {
		t.Error(err)
	}
	check("Introspect")
	if _, err := f.TokenService.Revoke(web, &signetv1.RevokeRequest{
		Token: in.GetAccessToken(),
	}, grpc.Header(&header)); err != nil {
		t.Error(err)
	}
	check("Revoke")
	_, err = f.TokenService.Refresh(web, &signetv1.RefreshRequest{RefreshToken: "sgr_x"}, grpc.Header(&header))
	if reason(err) != "INVALID_GRANT" {
		t.Error(err)
	}
	check("refused Refresh")
	_, err = f.TokenService.Refresh(t.Context(), &signetv1.RefreshRequest{RefreshToken: "x"}, grpc.Header(&header))
	if reason(err) != "INVALID_CLIENT" {
		t.Error(err)
	}
	check("Refresh without credentials")
	_, err = f.KeyService.GetKeySet(t.Context(), &signetv1.GetKeySetRequest{}, grpc.Header(&header))
	if err != nil || header.Get("cache-control") != nil {
		t.Errorf("GetKeySet: %v %v", err, header)
	}
}

package rpc

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Rule 4: whatever a kid says, the token is refused like any other, and neither a file nor the store is asked: the store is
// closed here, and would turn the refusal into UNAVAILABLE.
func TestRule04_HostileKid(t *testing.T) {
	h := openHouse(t)
	web := h.as(t, "web")
	parts := strings.Split(h.login(t, "web").GetAccessToken(), ".")
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	h.logs.reset()
	for _, kid := range []string{
		`"../../etc/passwd"`, `"' OR 1=1--"`, `"|sleep 5"`, `"` + strings.Repeat("a", 64<<10) + `"`, `"` + strings.Repeat("a", 4<<10) + `"`,
		`"a\u0000b"`, `"a\r\nlevel=ERROR msg=forged"`, `7`, `["a"]`, `{}`, `null`, ``,
	} {
		header := `{"alg":"RS256","typ":"at+jwt"}`
		if kid != "" {
			header = `{"alg":"RS256","typ":"at+jwt","kid":` + kid + `}`
		}
		forged := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + parts[1] + "." + parts[2]
		r, err := h.tokens.Introspect(web, &signetv1.IntrospectRequest{Token: forged})
		switch {
		case len(forged) > 64<<10:
			if status.Code(err) != codes.ResourceExhausted {
				t.Errorf("kid of %d bytes: %v", len(kid), err)
			}
		case err != nil || r.GetActive() || r.GetSubject() != "":
			t.Errorf("kid %.30s: %v %v", kid, r, err)
		}
		if _, err := h.tokens.Revoke(web, &signetv1.RevokeRequest{Token: forged}); err != nil && len(forged) <= 8<<10 {
			t.Errorf("kid %.30s: Revoke: %v", kid, err)
		}
	}
	if text := h.logs.text(); strings.Contains(text, "passwd") || strings.Contains(text, "sleep") || strings.Contains(text, "forged") {
		t.Errorf("the log has a kid: %s", text)
	}
	for line := range bytes.Lines([]byte(h.logs.text())) {
		if !json.Valid(line) {
			t.Errorf("not a log line: %q", line)
		}
	}
}

// Rule 15: every token has a kid of the JWK Set, an audience, its own jti, and the lifetime that its audience has.
func TestRule15_TokensAreAsConfigured(t *testing.T) {
	h := openHouse(t)
	set, err := h.keys.GetKeySet(t.Context(), &signetv1.GetKeySetRequest{})
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
		r, err := h.tokens.Login(h.as(t, "web"), &signetv1.LoginRequest{
			Username: username, Password: secret, Audience: []string{audience},
		})
		if err != nil {
			t.Fatal(audience, err)
		}
		for range 3 {
			header, claims := decode(t, r.GetAccessToken())
			kid, _ := header["kid"].(string)
			if algorithms[kid] != want.algorithm || header["alg"] != want.algorithm {
				t.Errorf("%s: kid %q of alg %q in the header, %q in the JWK Set", audience, kid, header["alg"], algorithms[kid])
			}
			if life := claims["exp"].(float64) - claims["iat"].(float64); int64(life) != want.lifetime || r.GetExpiresIn() != want.lifetime {
				t.Errorf("%s: lives %v s, says %d", audience, life, r.GetExpiresIn())
			}
			if aud, ok := claims["aud"]; !ok || aud != audience && !slices.Equal(aud.([]any), []any{audience}) {
				t.Errorf("%s: aud %v", audience, aud)
			}
			jti, _ := claims["jti"].(string)
			if jti == "" || seen[jti] {
				t.Errorf("%s: jti %q again", audience, jti)
			}
			seen[jti] = true
			if r, err = h.tokens.Refresh(h.as(t, "web"), &signetv1.RefreshRequest{RefreshToken: r.GetRefreshToken()}); err != nil {
				t.Fatal(audience, err)
			}
		}
	}
}

// Rule 23: of 64 at once all get the one successor.
func TestRule23_ParallelRefresh(t *testing.T) {
	h := openHouse(t)
	in, web := h.login(t, "web"), h.as(t, "web")
	var wait sync.WaitGroup
	successors := make([]string, 64)
	for n := range successors {
		wait.Go(func() {
			r, err := h.tokens.Refresh(web, &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken()})
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

// Rule 24: who did not get the answer asks again and gets the same successor.
func TestRule24_LostAnswer(t *testing.T) {
	for name, key := range map[string]string{"with a key": "k1", "within the leeway": ""} {
		h := openHouse(t)
		in, web := h.login(t, "web"), h.as(t, "web")
		ask := &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken(), IdempotencyKey: key}
		lost, err := h.tokens.Refresh(web, ask)
		if err != nil {
			t.Fatal(name, err)
		}
		if key != "" {
			h.clock.advance(leeway * 50)
		}
		again, err := h.tokens.Refresh(web, ask)
		if err != nil || again.GetRefreshToken() != lost.GetRefreshToken() {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := h.tokens.Refresh(web, &signetv1.RefreshRequest{RefreshToken: again.GetRefreshToken()}); err != nil {
			t.Errorf("%s: the successor is refused: %v", name, err)
		}
	}
}

// Rule 27: a refresh token is its client's alone, and stays unspent whoever else tries.
func TestRule27_OtherClientsAndNoClient(t *testing.T) {
	h := openHouse(t)
	in := h.login(t, "web")
	with := func(values ...string) error {
		ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"authorization": values})
		_, err := h.tokens.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken()})
		return err
	}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"another client":         {with(h.basic("other")), "INVALID_GRANT"},
		"a public client":        {with(h.basic("spa")), "INVALID_GRANT"},
		"nobody":                 {with(), "INVALID_CLIENT"},
		"wrong secret":           {with("Basic " + encoded("web:wrong")), "INVALID_CLIENT"},
		"confidential as public": {with("Basic " + encoded("web:")), "INVALID_CLIENT"},
		"two at once":            {with(h.basic("web"), h.basic("other")), "INVALID_CLIENT"},
	} {
		if status.Code(c.err) != codes.Unauthenticated || reason(c.err) != c.want {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	h.clock.advance(2 * leeway) // past which a spent token would be reuse
	for range 2 {
		r, err := h.tokens.Refresh(h.as(t, "web"), &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken()})
		if err != nil {
			t.Fatalf("its own client: %v", err)
		}
		in = r
	}
}

// Rule 29: a refresh may narrow the scope of the access token, never widen it, and the grant keeps its own.
func TestRule29_Scope(t *testing.T) {
	h := openHouse(t)
	web := h.as(t, "web")
	in, err := h.tokens.Login(web, &signetv1.LoginRequest{Username: username, Password: secret, Scope: "read write"})
	if err != nil {
		t.Fatal(err)
	}
	refresh := func(scope string) (*signetv1.TokenResponse, error) {
		return h.tokens.Refresh(web, &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken(), Scope: scope})
	}
	for _, wider := range []string{"admin", "read write admin", "nonsense\"", "read  write"} {
		if _, err := refresh(wider); status.Code(err) != codes.InvalidArgument || reason(err) != "INVALID_SCOPE" {
			t.Errorf("scope %q: %v", wider, err)
		}
	}
	h.clock.advance(2 * leeway) // past which a token that the refusals had spent would be reuse
	for _, c := range []struct{ asked, want string }{{"read", "read"}, {"", "read write"}, {"write read", "read write"}} {
		r, err := refresh(c.asked)
		if err != nil {
			t.Fatalf("scope %q: %v", c.asked, err)
		}
		if _, claims := decode(t, r.GetAccessToken()); r.GetScope() != c.want || claims["scope"] != c.want {
			t.Errorf("scope %q: answered %q, token %q", c.asked, r.GetScope(), claims["scope"])
		}
		in = r
	}
}

// Rule 32: a revocation that the store could not take is never said to be done; an unknown token is.
func TestRule32_RevokeWithoutAStore(t *testing.T) {
	h := openHouse(t)
	web, in := h.as(t, "web"), h.login(t, "web")
	for _, unknown := range []string{"nonsense", "sgr_nonsense", "a.b.c", in.GetRefreshToken() + "x", in.GetAccessToken() + "x"} {
		if _, err := h.tokens.Revoke(web, &signetv1.RevokeRequest{Token: unknown}); err != nil {
			t.Errorf("unknown token %.10q: %v", unknown, err)
		}
	}
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{in.GetRefreshToken(), in.GetAccessToken()} {
		_, err := h.tokens.Revoke(web, &signetv1.RevokeRequest{Token: token})
		if status.Code(err) != codes.Unavailable || reason(err) != "TEMPORARILY_UNAVAILABLE" {
			t.Errorf("without a store: %v", err)
		}
		if strings.Contains(status.Convert(err).Proto().String(), "closed") {
			t.Errorf("the caller sees the store's words: %v", err)
		}
	}
	_, err := h.tokens.Refresh(web, &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken()})
	if status.Code(err) != codes.Unavailable {
		t.Errorf("Refresh without a store: %v", err)
	}
	if _, err = h.tokens.Login(web, &signetv1.LoginRequest{Username: username, Password: secret}); status.Code(err) != codes.Unavailable {
		t.Errorf("Login without a store: %v", err)
	}
}

// Rule 33: whoever revokes another client's token is told nothing, and the token stays good.
func TestRule33_AnotherClientsToken(t *testing.T) {
	h := openHouse(t)
	in := h.login(t, "web")
	for _, client := range []string{"other", "spa", "mesh"} {
		for _, token := range []string{in.GetRefreshToken(), in.GetAccessToken()} {
			if _, err := h.tokens.Revoke(h.as(t, client), &signetv1.RevokeRequest{Token: token}); err != nil {
				t.Errorf("%s revokes: %v", client, err)
			}
		}
	}
	for _, token := range []string{in.GetRefreshToken(), in.GetAccessToken()} {
		found, err := h.tokens.Introspect(h.as(t, "web"), &signetv1.IntrospectRequest{Token: token})
		if err != nil || !found.GetActive() {
			t.Errorf("after the others' revocations: active %v, %v", found.GetActive(), err)
		}
	}
	if _, err := h.tokens.Refresh(h.as(t, "web"), &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken()}); err != nil {
		t.Error(err)
	}
}

// Rule 34: nobody on the way keeps an answer of the token service, be it good or bad; the keys may be kept.
func TestRule34_NoStore(t *testing.T) {
	h := openHouse(t)
	web := h.as(t, "web")
	var header metadata.MD
	in, err := h.tokens.Login(web, &signetv1.LoginRequest{Username: username, Password: secret}, grpc.Header(&header))
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string) {
		t.Helper()
		if !slices.Equal(header.Get("cache-control"), []string{"no-store"}) || !slices.Equal(header.Get("pragma"), []string{"no-cache"}) {
			t.Errorf("%s: %v", name, header)
		}
		header = nil
	}
	check("Login")
	if _, err := h.tokens.Refresh(web, &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken()}, grpc.Header(&header)); err != nil {
		t.Error(err)
	}
	check("Refresh")
	if _, err := h.tokens.Introspect(web, &signetv1.IntrospectRequest{Token: in.GetAccessToken()}, grpc.Header(&header)); err != nil {
		t.Error(err)
	}
	check("Introspect")
	if _, err := h.tokens.Revoke(web, &signetv1.RevokeRequest{Token: in.GetAccessToken()}, grpc.Header(&header)); err != nil {
		t.Error(err)
	}
	check("Revoke")
	if _, err := h.tokens.Refresh(web, &signetv1.RefreshRequest{RefreshToken: "sgr_x"}, grpc.Header(&header)); reason(err) != "INVALID_GRANT" {
		t.Error(err)
	}
	check("a refused Refresh")
	if _, err := h.tokens.Refresh(t.Context(), &signetv1.RefreshRequest{RefreshToken: "x"}, grpc.Header(&header)); reason(err) != "INVALID_CLIENT" {
		t.Error(err)
	}
	check("a stranger's Refresh")
	if _, err := h.keys.GetKeySet(t.Context(), &signetv1.GetKeySetRequest{}, grpc.Header(&header)); err != nil || header.Get("cache-control") != nil {
		t.Errorf("GetKeySet: %v %v", err, header)
	}
}

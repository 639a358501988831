package verifytest

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
)

// get sends a request to the issuer and decodes the JSON of the answer.
func get(t *testing.T, i *Issuer, path string, into any) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, i, r, into)
}

func do(t *testing.T, i *Issuer, r *http.Request, into any) *http.Response {
	t.Helper()
	response, err := (&http.Client{Transport: i}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if into != nil {
		if err := json.NewDecoder(response.Body).Decode(into); err != nil {
			t.Fatalf("%s: %v", r.URL, err)
		}
	}
	return response
}

// A follower has what a verifier knows from the feed.
type follower struct {
	issuer *Issuer
	table  revocation.Table
	at     revocation.Position
	head   revocation.Head
}

// poll asks the feed and merges its answer. The query follows the path.
func (f *follower) poll(t *testing.T, query string) revocation.Answer {
	t.Helper()
	var answer revocation.Answer
	get(t, f.issuer, feedPath+query, &answer)
	for _, s := range answer.Segments {
		signed, err := jws.Verify(s.Head, f.issuer.server.ring.find)
		if err != nil || signed.Type != revocation.HeadType {
			t.Fatalf("head with the typ %q, %v", signed.Type, err)
		}
		f.head = revocation.Head{}
		if err := json.Unmarshal(signed.Payload, &f.head); err != nil {
			t.Fatal(err)
		}
		encoded, err := base64.RawURLEncoding.DecodeString(s.Entries)
		if err != nil || f.head.Sum != revocation.Sum(encoded) || f.head.Issuer != URL {
			t.Fatalf("head %+v, %v", f.head, err)
		}
		if !f.head.Full && f.head.Before() != f.at {
			t.Fatalf("a segment begins after %v, want %v", f.head.Before(), f.at)
		}
		entries, err := revocation.DecodeEntries(encoded)
		if err != nil {
			t.Fatal(err)
		}
		f.table.Merge(entries)
		f.at = f.head.After()
	}
	return answer
}

// next polls for what is new. It waits for it.
func (f *follower) next(t *testing.T) revocation.Answer {
	t.Helper()
	return f.poll(t, "?after="+f.at.String()+"&wait=2s")
}

// verified verifies a token as the issuer itself does.
func verified(t *testing.T, i *Issuer, text string) token.Access {
	t.Helper()
	a, err := token.VerifyAccess(text, URL, func(kid string) (string, crypto.PublicKey, error) {
		if algorithm, key, ok := i.server.ring.find(kid); ok {
			return algorithm, key, nil
		}
		return "", nil, keys.ErrUnknownKey
	}, time.Now(), 0, nil)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return a
}

// refused returns the kind of the entry that refuses a token.
func (f *follower) refused(t *testing.T, text string) revocation.Kind {
	t.Helper()
	a := verified(t, f.issuer, text)
	header, _, _ := strings.Cut(text, ".")
	raw, _ := base64.RawURLEncoding.DecodeString(header)
	var h struct{ Kid string }
	if err := json.Unmarshal(raw, &h); err != nil {
		t.Fatal(err)
	}
	return f.table.Refuses(revocation.Claims{
		GrantID: a.GrantID, TokenID: a.ID, KeyID: h.Kid, Subject: a.Subject, ClientID: a.ClientID,
		Audience: a.Audience, Issuer: a.Issuer, MintedAt: revocation.MintedAt(a.ID, a.IssuedAt),
	})
}

// The tokens have the form that the issuer's own verification accepts.
func TestToken_IsOneOfTheIssuer(t *testing.T) {
	iss := New(t, EdDSA, ES256, RS256)
	for _, algorithm := range []string{"", EdDSA, ES256, RS256} {
		a := verified(t, iss, iss.Token(Claims{
			Subject: "ada", Scope: "read write", ACR: "1", Audience: []string{"a", "b"}, Algorithm: algorithm,
			Extra: map[string]any{"tenant": "t"},
		}))
		if a.Subject != "ada" || a.GrantID == "" || a.AuthTime.IsZero() || a.Scope.String() != "read write" ||
			len(a.Audience) != 2 || a.Claims["tenant"] != "t" || a.ClientID != "client" || a.ACR != "1" {
			t.Errorf("%s: %+v", algorithm, a)
		}
	}
	own := verified(t, iss, iss.Token(Claims{ClientID: "worker"}))
	if own.Subject != "worker" || own.GrantID != "" || !own.AuthTime.IsZero() || own.Audience[0] != Audience {
		t.Errorf("token of a client: %+v", own)
	}
}

// In a synctest bubble, the clock stands still between the calls. Their order
// decides which tokens a revocation concerns.
func TestRevoke_OrderOfCallsDecides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := New(t)
		user := Claims{Subject: "ada", ClientID: "web"}
		for name, tt := range map[string]struct {
			revoke func(token string)
			kind   revocation.Kind
		}{
			"session":           {iss.Revoke, revocation.Grant},
			"subject":           {func(string) { iss.RevokeSubject("ada") }, revocation.Subject},
			"subject at client": {func(string) { iss.RevokeSubjectAtClient("ada", "web") }, revocation.SubjectAtClient},
			"client":            {func(string) { iss.RevokeClient("web") }, revocation.Client},
			"audience":          {func(string) { iss.RevokeAudience(Audience) }, revocation.Audience},
			"all":               {func(string) { iss.RevokeAll() }, revocation.All},
		} {
			before := iss.Token(user)
			f := &follower{issuer: iss}
			f.poll(t, "")
			if kind := f.refused(t, before); kind != 0 {
				t.Errorf("%s: refused by %d before the revocation", name, kind)
			}
			tt.revoke(before)
			after := iss.Token(user)
			f.next(t)
			if kind := f.refused(t, before); kind != tt.kind {
				t.Errorf("%s: refused by %d, want %d", name, kind, tt.kind)
			}
			if kind := f.refused(t, after); kind != 0 {
				t.Errorf("%s: a token of afterwards is refused by %d", name, kind)
			}
		}
	})
}

func TestRevoke_TokenWithoutASession(t *testing.T) {
	iss := New(t)
	one, other := iss.Token(Claims{}), iss.Token(Claims{})
	iss.Revoke(one)
	f := &follower{issuer: iss}
	f.poll(t, "")
	if f.refused(t, one) != revocation.Token || f.refused(t, other) != 0 {
		t.Error("not exactly the revoked token is refused")
	}
}

func TestRevokeSubject_KeepsSessions(t *testing.T) {
	iss := New(t)
	kept, other := iss.Token(Claims{Subject: "ada"}), iss.Token(Claims{Subject: "ada"})
	iss.RevokeSubject("ada", kept)
	f := &follower{issuer: iss}
	f.poll(t, "")
	if f.refused(t, kept) != 0 || f.refused(t, other) != revocation.Subject {
		t.Error("not exactly the other session ended")
	}
}

func TestFeed_PollWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := New(t)
		f := &follower{issuer: iss}
		f.poll(t, "")

		began := time.Now()
		answer := f.next(t)
		if waited := time.Since(began); waited != 2*time.Second || answer.HeldMS != 2000 || answer.AgeMS != 0 {
			t.Errorf("a poll without news took %v and says %+v", waited, answer)
		}

		began = time.Now()
		time.AfterFunc(time.Second, func() { iss.RevokeAll() })
		answer = f.next(t)
		if waited := time.Since(began); waited != time.Second || answer.HeldMS != 1000 || f.at.Seq != 1 {
			t.Errorf("a poll with news took %v and says %+v", waited, answer)
		}

		stale := f.at
		stale.Mark++
		for _, unknown := range []string{stale.String(), "7-7"} {
			if f.poll(t, "?after="+unknown+"&wait=2s"); !f.head.Full || f.head.From != 1 || f.head.To != 1 {
				t.Errorf("answer after the unknown position %s: %+v", unknown, f.head)
			}
		}
	})
}

func TestFeed_RejectsMalformedRequests(t *testing.T) {
	iss := New(t)
	for _, query := range []string{
		"after=", "after=x", "after=0-0&wait=x", "after=0-0&wait=11s", "after=0-0&wait=-1s",
	} {
		if r := get(t, iss, feedPath+"?"+query, nil); r.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", query, r.Status)
		}
	}
}

// The entries are kept until the longest token has expired.
func TestFeed_KeepsEntriesForTheLongestToken(t *testing.T) {
	iss := New(t)
	f := &follower{issuer: iss}
	if f.poll(t, ""); f.head.Keep != 690 {
		t.Errorf("keep %d, want 690", f.head.Keep)
	}
	iss.Token(Claims{ExpiresAt: time.Now().Add(time.Hour)})
	if f.poll(t, ""); f.head.Keep < 3680 {
		t.Errorf("keep %d after a token of an hour", f.head.Keep)
	}
}

func TestCut_FailsAllRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := New(t)
		poll := func(ctx context.Context) error {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, URL+feedPath+"?after=0-0&wait=2s", nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := iss.RoundTrip(r)
			if err == nil {
				response.Body.Close()
			}
			return err
		}

		began := time.Now()
		time.AfterFunc(time.Second, iss.Cut)
		if err := poll(t.Context()); !errors.Is(err, errCut) || time.Since(began) != time.Second {
			t.Errorf("poll during the cut: %v after %v", err, time.Since(began))
		}
		if err := poll(t.Context()); !errors.Is(err, errCut) {
			t.Errorf("poll after the cut: %v", err)
		}
		iss.Mend()
		if err := poll(t.Context()); err != nil {
			t.Errorf("poll after the repair: %v", err)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := poll(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("poll of a caller that left: %v", err)
		}
	})
}

func TestRotateAndCompromise(t *testing.T) {
	iss := New(t, EdDSA, ES256)
	kids := func() (kids []string, etag string) {
		var set struct{ Keys []struct{ Kid string } }
		etag = get(t, iss, keysPath, &set).Header.Get("ETag")
		for _, k := range set.Keys {
			kids = append(kids, k.Kid)
		}
		return kids, etag
	}
	f := &follower{issuer: iss}
	f.poll(t, "")
	first, tag := kids()
	if len(first) != 2 || f.head.Keys != tag {
		t.Fatalf("%d keys, ETag %s, the feed says %s", len(first), tag, f.head.Keys)
	}

	old := iss.Token(Claims{Subject: "ada"})
	iss.Rotate()
	rotated, second := kids()
	if f.next(t); len(rotated) != 4 || second == tag || f.head.Keys != second {
		t.Errorf("%d keys, ETag %s, the feed says %s", len(rotated), second, f.head.Keys)
	}
	verified(t, iss, old)

	stolen := iss.Token(Claims{Subject: "ada"})
	kid, _ := iss.Key(EdDSA)
	iss.Compromise()
	f.next(t)
	if _, ok := f.table.Get(revocation.Key.Hash(kid)); !ok || f.at.Seq != 2 {
		t.Errorf("the feed has %d entries and none of the key", f.at.Seq)
	}
	if _, err := jws.Verify(stolen, iss.server.ring.find); err == nil {
		t.Error("the compromised key is still in the JWK Set")
	}
	verified(t, iss, old)
}

func TestIntrospection(t *testing.T) {
	iss := New(t)
	introspect := func(text string, authenticated bool) (int, map[string]any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, URL+introspectPath,
			strings.NewReader(url.Values{"token": {text}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if authenticated {
			r.SetBasicAuth("orders", "secret")
		}
		response, err := iss.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var members map[string]any
		_ = json.NewDecoder(response.Body).Decode(&members)
		return response.StatusCode, members
	}

	valid := iss.Token(Claims{Subject: "ada"})
	if status, m := introspect(valid, true); status != http.StatusOK || m["active"] != true || m["sub"] != "ada" {
		t.Errorf("valid token: %d %v", status, m)
	}
	if status, _ := introspect(valid, false); status != http.StatusUnauthorized {
		t.Errorf("without authentication: %d", status)
	}
	iss.Revoke(valid)
	expired := iss.Token(Claims{IssuedAt: time.Now().Add(-time.Hour)})
	for name, text := range map[string]string{"revoked": valid, "expired": expired, "malformed": "x"} {
		if status, m := introspect(text, true); status != http.StatusOK || m["active"] != false || len(m) != 1 {
			t.Errorf("%s token: %d %v", name, status, m)
		}
	}
}

func TestDocuments_AreCached(t *testing.T) {
	iss := New(t)
	for _, path := range []string{openIDPath, oauthPath, keysPath, feedPath} {
		etag := get(t, iss, path, nil).Header.Get("ETag")
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("If-None-Match", etag)
		if response := do(t, iss, r, nil); etag == "" || response.StatusCode != http.StatusNotModified {
			t.Errorf("%s: %s for its ETag %s", path, response.Status, etag)
		}
	}
}

func TestRoundTrip_AnswersOnlyForItsURL(t *testing.T) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://issuer.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := New(t).RoundTrip(r)
	if err == nil {
		response.Body.Close()
		t.Error("the issuer answered for another server")
	}
}

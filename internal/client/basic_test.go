package client_test

import (
	"encoding/base64"
	"errors"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
)

// basicForms returns the Authorization headers of an id and a secret: with both
// form-encoded (RFC 6749 §2.3.1), and as they are.
func basicForms(id, secret string) map[string]string {
	return map[string]string{
		"encoded":     basic(url.QueryEscape(id) + ":" + url.QueryEscape(secret)),
		"not encoded": basic(id + ":" + secret),
	}
}

func basic(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }

// similarIDs are ids of which one is a part or the encoded form of another.
func similarIDs() []string {
	ids := []string{
		"https", "https://api.example", "https://api.example:8443", "https://api.example:8443/a", "a", "a:b", "a%3Ab",
		"a%253Ab", "a+b", "a%2Bb", "a%20b", "aA", "a%41", "a%4", "a%", "%", "+", ":", "::", ":a", "a:", "a::b",
	}
	const alphabet = "ab:+%34A1/"
	r := rand.New(rand.NewPCG(1, 2))
	for len(ids) < 60 {
		id := make([]byte, 1+r.IntN(6))
		for i := range id {
			id[i] = alphabet[r.IntN(len(alphabet))]
		}
		if !slices.Contains(ids, string(id)) {
			ids = append(ids, string(id))
		}
	}
	return ids
}

// Rule 27: an id and a secret authenticate exactly the client of that id, in
// both forms, however similar the ids of other clients are. With the secret of
// another client they authenticate nobody, unless they are what that client
// itself sends.
func TestRule27_BasicAuthenticatesExactlyTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := issuertest.NewGateway(t, setup)
		ids := similarIDs()
		for n, id := range ids {
			_, secret, err := f.Admin.CreateClient(
				t.Context(), issuertest.Operator, client.Client{ID: id, Public: n%4 == 3}, "",
			)
			must(t, err)
			f.Secrets[id] = secret
		}
		must(t, f.Registry.Poll(t.Context()))

		for n, id := range ids {
			owner := ids[(n+1)%len(ids)]
			for form, header := range basicForms(id, f.Secrets[id]) {
				wantClient(t, f, header, "", id, form)
				wantClient(t, f, header, id, id, form)
				_, _, err := f.Registry.AuthenticateBasic(t.Context(), []string{header}, id+"x", nil)
				if !errors.Is(err, oauth.InvalidRequest) {
					t.Errorf("%s, %q with another client_id: %v", form, id, err)
				}
			}
			others := slices.Collect(maps.Values(basicForms(owner, f.Secrets[owner])))
			for form, header := range basicForms(id, f.Secrets[owner]) {
				want := ""
				if slices.Contains(others, header) {
					want = owner
				}
				wantClient(t, f, header, "", want, form+" with the secret of "+owner)
			}
			for form, header := range basicForms(id, "sgs_wrong") {
				wantClient(t, f, header, "", "", form+" with no client's secret")
			}
		}
	})
}

// wantClient wants the header to authenticate the client of that id; "" means
// none.
func wantClient(t *testing.T, f *issuertest.Gateway, header, named, id, name string) {
	t.Helper()
	c, byCertificate, err := f.Registry.AuthenticateBasic(t.Context(), []string{header}, named, nil)
	if c.ID != id || byCertificate || (err == nil) != (id != "") || err != nil && !errors.Is(err, oauth.InvalidClient) {
		t.Errorf("%s, client_id %q: %q, %v, want %q", name, named, c.ID, err, id)
	}
}

// A header with three readings costs one read of the store before it is
// refused, as one with a single reading does.
func TestAuthenticateBasic_ReadsTheStoreOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, store := newSlowFixture(t)
		f.Register(t, client.Client{ID: "a:b"})
		for _, pair := range []string{"a:x", "a%41:b%42:c", "a:b:x"} {
			before := store.reads.Load()
			_, _, err := f.Registry.AuthenticateBasic(t.Context(), []string{basic(pair)}, "", nil)
			if n := store.reads.Load() - before; n != 1 || !errors.Is(err, oauth.InvalidClient) {
				t.Errorf("%s: %d reads, %v", pair, n, err)
			}
		}
	})
}

// The log names a client that exists, and no part of a secret.
func TestAuthenticateBasic_RefusalNamesTheClient(t *testing.T) {
	f := issuertest.NewGateway(t, setup)
	f.Register(t, client.Client{ID: "https://api.example"})
	for pair, want := range map[string]struct{ claimed, method, cause string }{
		"https://api.example:wrong": {
			"https://api.example", "client_secret", "the secret is not one of the client's secrets",
		},
		"https%3A%2F%2Fapi.example:wrong": {
			"https://api.example", "client_secret", "the secret is not one of the client's secrets",
		},
		"https://api.example:": {
			"https://api.example", "none", "the request has no credentials, and the client is not public",
		},
		"nobody:pass:word":   {"nobody", "client_secret", "there is no client of that id"},
		"nobody:pass%zzword": {"nobody", "client_secret", "there is no client of that id"},
		":pass:word":         {"", "client_secret", "there is no client of that id"},
		"no body:word":       {"no body", "", "the Authorization header is missing or malformed"},
	} {
		_, _, err := f.Registry.AuthenticateBasic(t.Context(), []string{basic(pair)}, "", nil)
		var refused *oauth.Error
		if !errors.As(err, &refused) || refused.Cause == nil || refused.Cause.Error() != want.cause {
			t.Errorf("%s: %v", pair, err)
			continue
		}
		details := map[string]string{}
		for _, a := range refused.Details {
			details[a.Key] = a.Value.String()
		}
		if details["claimed"] != want.claimed || details["auth_method"] != want.method {
			t.Errorf("%s: %v", pair, details)
		}
	}
}

// A secret of another system may have every printable character. It
// authenticates the client in both forms, unless id and secret both have a
// colon: then only in the encoded one.
func TestAuthenticateBasic_SecretsOfOtherSystems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := issuertest.NewGateway(t, setup)
		for _, id := range []string{"web", "https://api.example", "a+b%41", "a%zz"} {
			for n, secret := range []string{
				"abcdefghij+klmno/pqrstuv==", "abcdefghij%41klmnopqrstuv", "abcdefghij%zzklmnopqrstuv%",
				":abcdefghijklmno:pqrstuv:", `!"#$&'()*,-./;<=>?@[\]^_{|}~`,
			} {
				id := id + strconv.Itoa(n)
				_, _, err := f.Admin.CreateClient(t.Context(), issuertest.Operator, client.Client{ID: id}, secret)
				must(t, err)
				must(t, f.Registry.Poll(t.Context()))
				for form, header := range basicForms(id, secret) {
					want := id
					if form == "not encoded" && strings.Contains(id, ":") && strings.Contains(secret, ":") {
						want = ""
					}
					wantClient(t, f, header, "", want, form+" "+secret)
				}
			}
		}
	})
}

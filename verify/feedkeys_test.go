package verify_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// An entry about a key makes the verifier fetch the set at once. It refuses the
// tokens and heads of the key also while the issuer still publishes it.
func TestFeed_EntryAboutAKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(bound)})
		token := issuer.Token(verifytest.Claims{Subject: "alice"})
		kid, _ := issuer.Key("EdDSA")
		var last revocation.Answer
		network.set(nil, changeFeed(func(a *revocation.Answer) { last = *a }))
		time.Sleep(time.Minute)
		synctest.Wait()
		old := last // signed by the old key
		issuer.Rotate()
		time.Sleep(2 * time.Second)
		want(t, v, "a token of the old key", token, nil)

		network.reset()
		inject(network, issuer, []revocation.Entry{{Hash: revocation.Key.Hash(kid), Before: time.Now().UnixMicro()}})
		time.Sleep(2 * wait)
		want(t, v, "a token of the old key", token, verify.ErrRevoked)
		want(t, v, "a token of the new key", issuer.Token(verifytest.Claims{Subject: "alice"}), nil)
		if n := len(network.sent(keysPath)); n != 1 {
			t.Errorf("%d fetches of the set, want 1", n)
		}

		network.set(nil, changeFeed(func(a *revocation.Answer) { *a = old }))
		time.Sleep(bound + wait)
		want(t, v, "heads of the old key", issuer.Token(verifytest.Claims{}), verify.ErrStale)
	})
}

// After the compromise of a key, its tokens are refused within a second, the
// set is fetched at once, and tokens of the new key are accepted. A head that
// the old key signs is refused.
func TestFeed_CompromisedKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(bound)})
		issuer.Rotate() // the key of the successor is known
		time.Sleep(time.Minute)
		token := issuer.Token(verifytest.Claims{Subject: "alice"})
		var heads []revocation.Answer
		network.set(nil, changeFeed(func(a *revocation.Answer) { heads = append(heads, *a) }))
		time.Sleep(time.Minute)
		synctest.Wait()
		old := heads[len(heads)-1]
		network.reset()
		issuer.Compromise()
		time.Sleep(time.Second)
		want(t, v, "a token of the compromised key", token, verify.ErrRevoked)
		if n := len(network.sent(keysPath)); n < 1 || n > 2 {
			t.Errorf("%d fetches of the set, want 1", n)
		}
		want(t, v, "a token of the new key", issuer.Token(verifytest.Claims{Subject: "alice"}), nil)

		network.set(nil, changeFeed(func(a *revocation.Answer) { *a = old }))
		time.Sleep(bound + wait)
		want(t, v, "heads of the old key", issuer.Token(verifytest.Claims{}), verify.ErrStale)
		network.set(nil, nil)
		time.Sleep(wait)
		want(t, v, "heads of the new key", issuer.Token(verifytest.Claims{}), nil)
	})
}

package verify_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// A set with a max-age of five minutes is fetched after 3/4 of it, give or take
// 10 %. If it has not changed, the response has no body.
func TestKeys_AreFetchedBeforeMaxAge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{})
		time.Sleep(10 * time.Hour)
		sent := network.sent(keysPath)
		different := map[time.Duration]bool{}
		for i, r := range sent[1:] {
			pause := r.at.Sub(sent[i].at)
			different[pause] = true
			if pause < 202*time.Second || pause > 248*time.Second {
				t.Errorf("fetched after %v, want 202.5 to 247.5 s", pause)
			}
			if r.Header.Get("If-None-Match") == "" || r.Header.Get("Cache-Control") != "" {
				t.Errorf("header %v", r.Header)
			}
		}
		if len(different) < len(sent)/2 {
			t.Errorf("%d different pauses of %d", len(different), len(sent))
		}
		want(t, v, "after 10 hours", issuer.Token(verifytest.Claims{}), nil)
	})
}

// A token with an unknown kid makes the set be fetched at most once in ten
// seconds, and one with an invalid signature never.
func TestKeys_InventedKidsCauseFewFetches(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{})
		network.reset()
		valid := issuer.Token(verifytest.Claims{})
		for range 1000 {
			want(t, v, "a bad signature", valid[:len(valid)-4]+"AAAA", verify.ErrInvalid)
			want(t, v, "bad base64url", valid+"=", verify.ErrInvalid)
		}
		if n := len(network.sent(keysPath)); n != 0 {
			t.Errorf("%d fetches because of bad signatures, want none", n)
		}

		kids := 10_000
		if testing.Short() { // it takes a second
			kids = 1000
		}
		began := time.Now()
		for i := range kids {
			header := fmt.Sprintf(`{"typ":"at+jwt","alg":"EdDSA","kid":"invented-%d"}`, i)
			want(t, v, header, issuer.Sign("EdDSA", header, "{}"), verify.ErrInvalid)
			time.Sleep(9 * time.Millisecond)
		}
		most := int(time.Since(began)/(10*time.Second)) + 1
		if n := len(network.sent(keysPath)); n > most || n < most/2 {
			t.Errorf("%d fetches because of %d invented kids in %v, want at most %d", n, kids, time.Since(began), most)
		}
	})
}

// A token of a key that is newer than the set is accepted, after a fetch that
// concurrent callers share.
func TestKeys_UnknownKidIsFetchedOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{})
		time.Sleep(time.Minute)
		network.reset()
		issuer.Rotate()
		token := issuer.Token(verifytest.Claims{})
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() { want(t, v, "a token of a new key", token, nil) })
		}
		callers.Wait()
		sent := network.sent(keysPath)
		if len(sent) != 1 || sent[0].Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%d fetches, want one that no cache answers", len(sent))
		}
	})
}

// A token with an unknown kid waits for at most two seconds. Then the verdict
// is that there is none.
func TestKeys_UnknownKidWaitsForTwoSeconds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{})
		time.Sleep(time.Minute)
		issuer.Rotate()
		token := issuer.Token(verifytest.Claims{})
		network.set(stuck, nil)
		began := time.Now()
		want(t, v, "while the issuer does not answer", token, verify.ErrUnavailable)
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("waited for %v, want 2 s", waited)
		}
		want(t, v, "while the same fetch goes on", token, verify.ErrUnavailable)
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("another token waited for %v in addition", waited-2*time.Second)
		}
		time.Sleep(9 * time.Second) // the fetch has failed
		network.set(nil, nil)
		want(t, v, "when the issuer answers again", token, nil)
	})
}

// If the head of the feed has the ETag of another set, the set is fetched at
// once, before a token of the new key arrives.
func TestKeys_FeedAnnouncesNewSet(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(5 * time.Second)})
		time.Sleep(time.Minute)
		network.reset()
		issuer.Rotate()
		time.Sleep(100 * time.Millisecond)
		if n := len(network.sent(keysPath)); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
		network.reset()
		want(t, v, "a token of the new key", issuer.Token(verifytest.Claims{}), nil)
		if n := len(network.sent(keysPath)); n != 0 {
			t.Errorf("%d fetches because of the token, want none", n)
		}
	})
}

// A proxy that removes or changes the ETag does not make the verifier fetch the
// set again and again.
func TestKeys_LostETagCausesFewFetches(t *testing.T) {
	for name, etag := range map[string]string{"none": "", "another": `"other"`} {
		bubble(t, func(t *testing.T) {
			network, _ := newLink(t)
			network.set(nil, func(path string, header http.Header, body []byte) []byte {
				if path == keysPath {
					header.Set("ETag", etag)
				}
				return body
			})
			newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(5 * time.Second)})
			sent := func() int { return len(network.sent(keysPath)) }
			time.Sleep(time.Second)
			if n := sent(); n < 2 || n > 3 { // the first one is that of New
				t.Errorf("%s: %d fetches in the first second, want 2", name, n)
			}
			time.Sleep(10 * time.Minute)
			if n := sent(); n > 25 {
				t.Errorf("%s: %d fetches in ten minutes, want at most 25", name, n)
			}
		})
	}
}

// A weak ETag of a proxy that compresses is the same set.
func TestKeys_WeakETagIsTheSame(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, _ := newLink(t)
		network.set(nil, func(path string, header http.Header, body []byte) []byte {
			if path == keysPath {
				header.Set("ETag", "W/"+header.Get("ETag"))
			}
			return body
		})
		newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(5 * time.Second)})
		time.Sleep(3 * time.Minute)
		if n := len(network.sent(keysPath)); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
	})
}

// Servers whose clocks differ serve the same keys in another order for a while,
// when a key begins to sign. The verifier does not fetch the set again.
func TestKeys_AnotherOrderIsTheSame(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, _ := newLink(t)
		network.set(nil, func(path string, header http.Header, body []byte) []byte {
			if path == keysPath {
				keys, _, _ := strings.Cut(header.Get("ETag"), ".")
				header.Set("ETag", keys+`.another-order"`)
			}
			return body
		})
		newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(5 * time.Second)})
		time.Sleep(3 * time.Minute)
		if n := len(network.sent(keysPath)); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
	})
}

// A response that is no set with a usable key does not replace the set.
func TestKeys_BrokenSetReplacesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{})
		token := issuer.Token(verifytest.Claims{ExpiresAt: time.Now().Add(12 * time.Hour)})
		responses := map[string]func(*http.Request) (*http.Response, error){
			"error":       func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") },
			"503":         answerWith(keysPath, http.StatusServiceUnavailable, ""),
			"redirect":    answerWith(keysPath, http.StatusFound, ""),
			"no content":  answerWith(keysPath, http.StatusNoContent, ""),
			"too large":   answerWith(keysPath, http.StatusOK, `{"keys":[]`+strings.Repeat(" ", 2<<20)+"}"),
			"no document": answerWith(keysPath, http.StatusOK, "<html>"),
		}
		other := verifytest.New(t)
		for _, status := range []int{http.StatusPartialContent, http.StatusInternalServerError} {
			responses[http.StatusText(status)+" with another set"] = func(r *http.Request) (*http.Response, error) {
				response, err := other.RoundTrip(r.WithContext(t.Context()))
				if err == nil {
					response.StatusCode = status
				}
				return response, err
			}
		}
		for _, body := range []string{``, `{}`, `null`, `[]`, `{"keys":[]}`, `{"keys":null}`, `{"keys":[{}]}`, `{"keys":7}`} {
			responses[body] = answerWith(keysPath, http.StatusOK, body)
		}
		for name, respond := range responses {
			network.reset()
			network.set(respond, nil)
			time.Sleep(15 * time.Minute)
			if n := len(network.sent(keysPath)); n < 20 || n > 60 {
				t.Errorf("%s: %d fetches in 15 minutes, want one each half minute", name, n)
			}
			want(t, v, name, token, nil)
			network.set(nil, nil)
			time.Sleep(time.Minute)
			if n := len(network.sent(keysPath)); n == 0 {
				t.Errorf("%s: the set is not fetched any more", name)
			}
		}
	})
}

// While the issuer is down, its last set is used for 24 hours.
func TestKeys_OldSetIsUsedFor24Hours(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{})
		token := issuer.Token(verifytest.Claims{ExpiresAt: time.Now().Add(48 * time.Hour)})
		issuer.Cut()
		time.Sleep(24 * time.Hour)
		want(t, v, "after 24 hours", token, nil)
		time.Sleep(time.Nanosecond)
		want(t, v, "later", token, verify.ErrUnavailable)
		issuer.Mend()
		time.Sleep(time.Minute)
		want(t, v, "when the issuer is back", token, nil)
	})
}

// The verifier closes while a fetch is in progress, and starts none afterwards.
func TestKeys_CloseEndsFetches(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{})
		var ended atomic.Bool
		network.set(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			ended.Store(true)
			return nil, r.Context().Err()
		}, nil)
		issuer.Rotate()
		token := issuer.Token(verifytest.Claims{})
		go func() { _, _ = v.Verify(t.Context(), token) }()
		synctest.Wait()
		v.Close()
		if !ended.Load() {
			t.Error("the fetch goes on")
		}
		network.reset()
		time.Sleep(time.Hour)
		_, _ = v.Verify(t.Context(), token)
		if n := len(network.sent(keysPath)); n != 0 {
			t.Errorf("%d fetches after Close", n)
		}
	})
}

package verify_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// A slowBody is a response body that arrives in pieces, each after a pause.
type slowBody struct {
	io.ReadCloser
	pause time.Duration
	piece int
}

// Read implements io.Reader.
func (b slowBody) Read(p []byte) (int, error) {
	time.Sleep(b.pause)
	return b.ReadCloser.Read(p[:min(len(p), b.piece)])
}

// The revocations may take longer to arrive than the policy allows for their
// age. The verifier is ready when they are up to date.
func TestFeed_LoadsOverASlowNetwork(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		token := issuer.Token(verifytest.Claims{Subject: "alice"})
		for range 100 {
			issuer.Revoke(issuer.Token(verifytest.Claims{Subject: "bob"}))
		}
		loads := 0
		network.setBody(func(r *http.Request, body io.ReadCloser) io.ReadCloser {
			if r.URL.Path == feedPath && r.URL.Query().Get("after") == "0-0" {
				loads++
				return slowBody{body, time.Second, 150} // 20 pieces
			}
			return body
		})
		began := time.Now()
		v := newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(2 * time.Second)})
		want(t, v, "at once", token, nil)
		took := time.Since(began)
		if took < 10*time.Second || loads != 1 || v.Stats().Entries != 100 {
			t.Errorf("ready after %v and %d loads, with %d entries", took, loads, v.Stats().Entries)
		}
		if after := took % time.Second; after > 100*time.Millisecond {
			t.Errorf("ready %v after the last piece", after)
		}
	})
}

// A response of which the rest does not arrive is given up, and the next poll
// follows in time.
func TestFeed_GivesUpAStuckAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(bound)})
		token := issuer.Token(verifytest.Claims{})
		answers := 0
		network.setBody(func(r *http.Request, body io.ReadCloser) io.ReadCloser {
			if answers++; r.URL.Path == feedPath && answers%2 == 1 {
				return stuckBody{r, body}
			}
			return body
		})
		for range 600 {
			want(t, v, "every second answer is stuck", token, nil)
			time.Sleep(100 * time.Millisecond)
		}
		if s := v.Stats(); s.PollErrors < 5 {
			t.Errorf("%+v", s)
		}
	})
}

// A stuckBody never arrives.
type stuckBody struct {
	request *http.Request
	io.ReadCloser
}

// Read implements io.Reader.
func (b stuckBody) Read([]byte) (int, error) {
	<-b.request.Context().Done()
	return 0, b.request.Context().Err()
}

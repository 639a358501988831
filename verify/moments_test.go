package verify_test

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// Entries about everything, about a client, about a subject and about an
// audience each count for themselves: the latest one that concerns a token
// decides, in whatever order they arrive. In Keycloak, a newer entry about the
// realm hid one about a client, and the reverse (CVE-2026-18218,
// CVE-2026-8922).
func TestVerify_LatestMomentOfAnyKindDecides(t *testing.T) {
	kinds := map[string]revocation.Hash{
		"all": revocation.All.Hash(verifytest.URL), "client": revocation.Client.Hash("web"),
		"subject": revocation.Subject.Hash("alice"), "audience": revocation.Audience.Hash(verifytest.Audience),
		"subject at the client": revocation.HashSubjectAtClient("alice", "web"),
	}
	for later, laterHash := range kinds {
		for earlier, earlierHash := range kinds {
			if later == earlier {
				continue
			}
			bubble(t, func(t *testing.T) {
				network, issuer := newLink(t)
				v := newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(bound)})
				start := time.Now()
				token := func(after time.Duration) string {
					c := verifytest.Claims{Subject: "alice", ClientID: "web", IssuedAt: start.Add(after)}
					return issuer.Token(c)
				}
				tokens := []string{token(0), token(2 * time.Second), token(4 * time.Second)}
				time.Sleep(10 * time.Second)
				entries := []revocation.Entry{
					{Hash: earlierHash, Before: start.Add(time.Second).UnixMicro()},
					{Hash: laterHash, Before: start.Add(3 * time.Second).UnixMicro()},
				}
				if rand.IntN(2) == 0 {
					entries[0], entries[1] = entries[1], entries[0]
				}
				inject(network, issuer, entries)
				time.Sleep(10 * time.Second)
				what := later + " after " + earlier
				want(t, v, what+": before both", tokens[0], verify.ErrRevoked)
				want(t, v, what+": between them", tokens[1], verify.ErrRevoked)
				want(t, v, what+": after both", tokens[2], nil)
			})
		}
	}
}

// inject makes the feed have these entries, each in an answer of its own.
func inject(network *link, issuer *verifytest.Issuer, entries []revocation.Entry) {
	sent := 0
	network.set(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == feedPath && sent == len(entries) {
			time.Sleep(wait)
		}
		return nil, nil
	}, changeFeed(func(a *revocation.Answer) {
		h := headOf(a.Segments[0])
		h.Full, h.From, h.Prev, h.Mark = true, 1, 0, 1
		var next []revocation.Entry
		if sent < len(entries) {
			next, sent = entries[sent:sent+1], sent+1
		}
		h.To = int64(sent)
		a.Segments = []revocation.Segment{sign(issuer, h, next...)}
	}))
}

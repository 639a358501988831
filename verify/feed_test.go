package verify_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// bound is the age that the policies of these tests allow.
const bound = 5 * time.Second

// wait is how long a poll waits with this bound.
const wait = bound / 3

// An answer of a feed that is forged, damaged or incomplete adds no entry and
// confirms nothing. The verifier then asks for all entries.
func TestFeed_RefusesForgedAnswers(t *testing.T) {
	entry := revocation.Entry{Hash: revocation.Subject.Hash("alice"), Before: time.Now().AddDate(90, 0, 0).UnixMicro()}
	head := func(f func(*revocation.Head)) func(*verifytest.Issuer, *revocation.Answer) {
		return func(i *verifytest.Issuer, a *revocation.Answer) {
			h := headOf(a.Segments[0])
			h.To++
			h.Mark = 7
			f(&h)
			a.Segments = []revocation.Segment{sign(i, h, entry)}
		}
	}
	// typ signs the head with another typ.
	typ := func(typ string) func(*verifytest.Issuer, *revocation.Answer) {
		return func(i *verifytest.Issuer, a *revocation.Answer) {
			h := headOf(a.Segments[0])
			h.To++
			s := sign(i, h, entry)
			s.Head = signHead(i, typ, headOf(s))
			a.Segments = []revocation.Segment{s}
		}
	}
	for name, forge := range map[string]func(*verifytest.Issuer, *revocation.Answer){
		"no segment":     func(_ *verifytest.Issuer, a *revocation.Answer) { a.Segments = nil },
		"other issuer":   head(func(h *revocation.Head) { h.Issuer += "x" }),
		"a gap":          head(func(h *revocation.Head) { h.From++; h.To++ }),
		"another mark":   head(func(h *revocation.Head) { h.Prev++ }),
		"from 0":         head(func(h *revocation.Head) { h.From, h.To = 0, 1 }),
		"to before from": head(func(h *revocation.Head) { h.To = h.From - 2 }),
		"negative mark":  head(func(h *revocation.Head) { h.Mark = -1 }),
		"no keep":        head(func(h *revocation.Head) { h.Keep = 0 }),
		"huge keep":      head(func(h *revocation.Head) { h.Keep = 1 << 62 }),
		"no moment":      head(func(h *revocation.Head) { h.At = 0 }),
		"full from 2":    head(func(h *revocation.Head) { h.Full, h.From, h.Prev = true, 2, 0 }),
		"full with prev": head(func(h *revocation.Head) { h.Full, h.From, h.Prev = true, 1, 3 }),
		"typ at+jwt":     typ("at+jwt"),
		"typ JWT":        typ("JWT"),
		"no typ":         typ(""),
		"entries missing": func(i *verifytest.Issuer, a *revocation.Answer) {
			a.Segments[0] = sign(i, headOf(a.Segments[0]), entry)
			a.Segments[0].Entries = ""
		},
		"entries added": func(_ *verifytest.Issuer, a *revocation.Answer) {
			a.Segments[0].Entries += base64.RawURLEncoding.EncodeToString(revocation.AppendEntry(nil, entry))
		},
		"entries with padding": func(_ *verifytest.Issuer, a *revocation.Answer) { a.Segments[0].Entries += "=" },
		"half an entry": func(i *verifytest.Issuer, a *revocation.Answer) {
			h := headOf(a.Segments[0])
			h.Sum = revocation.Sum(make([]byte, 8))
			a.Segments[0] = revocation.Segment{
				Head:    signHead(i, revocation.HeadType, h),
				Entries: base64.RawURLEncoding.EncodeToString(make([]byte, 8)),
			}
		},
		"an entry of zero": func(i *verifytest.Issuer, a *revocation.Answer) {
			a.Segments[0] = sign(i, headOf(a.Segments[0]), revocation.Entry{})
		},
		"changed head": func(_ *verifytest.Issuer, a *revocation.Answer) {
			s := &a.Segments[0].Head
			*s = (*s)[:len(*s)-6] + "AAAAAA"
		},
		"unsigned head": func(_ *verifytest.Issuer, a *revocation.Answer) {
			s := strings.Split(a.Segments[0].Head, ".")
			header := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"revocations+jwt","alg":"none"}`))
			a.Segments[0].Head = header + "." + s[1] + "."
		},
		"unknown key": func(i *verifytest.Issuer, a *revocation.Answer) {
			s := strings.Split(a.Segments[0].Head, ".")
			header := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"revocations+jwt","alg":"EdDSA","kid":"x"}`))
			a.Segments[0].Head = header + "." + s[1] + "." + s[2]
		},
		"a second segment that does not follow": func(i *verifytest.Issuer, a *revocation.Answer) {
			h := headOf(a.Segments[0])
			h.From, h.To = h.To+2, h.To+2
			a.Segments = append(a.Segments, sign(i, h, entry))
		},
		"a second segment that is full": func(i *verifytest.Issuer, a *revocation.Answer) {
			h := headOf(a.Segments[0])
			h.From, h.Prev, h.Full = 1, 0, true
			a.Segments = append(a.Segments, sign(i, h, entry))
		},
	} {
		bubble(t, func(t *testing.T) {
			network, issuer := newLink(t)
			v := newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(bound)})
			for range 3 {
				issuer.RevokeSubject("somebody")
			}
			time.Sleep(time.Minute)
			token := issuer.Token(verifytest.Claims{Subject: "alice"})
			want(t, v, name+" before", token, nil)
			network.set(nil, changeFeed(func(a *revocation.Answer) { forge(issuer, a) }))
			time.Sleep(bound + wait)
			want(t, v, name, token, verify.ErrStale)
			if s := v.Stats(); s.Entries != 1 || !strings.HasPrefix(s.Position, "3-") {
				t.Errorf("%s: %+v", name, s)
			}
			// A key that is unknown may become known. Then nothing
			// is missing.
			sent := network.sent(feedPath)
			after := sent[len(sent)-1].URL.Query().Get("after")
			if (after == "0-0") != (name != "unknown key") {
				t.Errorf("%s: the next poll asks for what follows %s", name, after)
			}

			network.set(nil, nil)
			issuer.RevokeSubject("alice")
			time.Sleep(2 * wait)
			want(t, v, name+", then the issuer", token, verify.ErrRevoked)
			want(t, v, name+", then the issuer", issuer.Token(verifytest.Claims{Subject: "alice"}), nil)
		})
	}
}

// A log that was restored from a backup does not make the verifier forget an
// entry. The verifier goes on from the position of the restored log.
func TestFeed_RestoredLogForgetsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(bound)})
		token := issuer.Token(verifytest.Claims{Subject: "alice"})
		later := issuer.Token(verifytest.Claims{Subject: "carol"})
		issuer.RevokeSubject("alice")
		issuer.RevokeSubject("bob")
		time.Sleep(time.Minute)

		// The restored log has one other entry. It knows no position
		// but its own.
		entry := revocation.Entry{Hash: revocation.Subject.Hash("carol"), Before: time.Now().UnixMicro()}
		restored := revocation.Position{Seq: 1, Mark: 7}
		network.set(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == feedPath && r.URL.Query().Get("after") == restored.String() {
				time.Sleep(wait)
			}
			return nil, nil
		}, changeFeed(func(a *revocation.Answer) {
			h := headOf(a.Segments[0])
			h.From, h.To, h.Prev, h.Mark, h.Full = 1, restored.Seq, 0, restored.Mark, true
			a.Segments = []revocation.Segment{sign(issuer, h, entry)}
		}))
		time.Sleep(time.Minute)
		want(t, v, "revoked before the restore", token, verify.ErrRevoked)
		want(t, v, "revoked after the restore", later, verify.ErrRevoked)
		if s := v.Stats(); s.Entries != 3 || s.Position != restored.String() || s.PollErrors > 1 {
			t.Errorf("%+v", s)
		}
	})
}

// Old answers confirm nothing once their heads are half a minute older than the
// policy allows.
func TestFeed_ReplayedAnswersAreNotFresh(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(bound)})
		token := issuer.Token(verifytest.Claims{})
		time.Sleep(time.Minute)
		var old *revocation.Answer
		network.set(nil, changeFeed(func(a *revocation.Answer) {
			if old == nil {
				old = a
			}
			*a = revocation.Answer{Segments: old.Segments, HeldMS: 1 << 60, AgeMS: -1 << 60}
		}))
		time.Sleep(bound + 30*time.Second)
		want(t, v, "for a while", token, nil)
		time.Sleep(bound + 2*wait)
		want(t, v, "then", token, verify.ErrStale)
	})
}

// The age of an answer counts: an issuer that is cut off from its store does
// not make the revocations fresh.
func TestFeed_AgeOfAnswersCounts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(bound)})
		token := issuer.Token(verifytest.Claims{})
		cut := time.Now()
		network.set(nil, changeFeed(func(a *revocation.Answer) { a.AgeMS = time.Since(cut).Milliseconds() + 1 }))
		for time.Since(cut) <= bound {
			want(t, v, time.Since(cut).String(), token, nil)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(10 * time.Millisecond)
		want(t, v, time.Since(cut).String(), token, verify.ErrStale)

		network.reset()
		time.Sleep(time.Minute)
		if n := len(network.sent(feedPath)); n > 40 {
			t.Errorf("%d polls in a minute, want one after each wait", n)
		}
	})
}

// An issuer with too many waiters says how long the verifier must not poll.
func TestFeed_KeepsTheDelay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, _ := newLink(t)
		network.set(nil, changeFeed(func(a *revocation.Answer) { a.DelayMS = 3000 }))
		newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(bound)})
		time.Sleep(time.Minute)
		sent := network.sent(feedPath)
		if len(sent) < 12 {
			t.Errorf("%d polls in a minute", len(sent))
		}
		for i, r := range sent[1:] {
			if pause := r.at.Sub(sent[i].at); pause < 3*time.Second {
				t.Errorf("polled after %v, want at least 3 s", pause)
			}
		}
	})
}

// An issuer that answers at once, for example while it drains, is not polled in
// a loop. Neither is one that answers with an error.
func TestFeed_PollsAreNeverALoop(t *testing.T) {
	for name, respond := range map[string]func(*http.Request) (*http.Response, error){
		"403":     answerWith(feedPath, http.StatusForbidden, ""),
		"503":     answerWith(feedPath, http.StatusServiceUnavailable, ""),
		"no JSON": answerWith(feedPath, http.StatusOK, "<html>"),
		"at once": func(r *http.Request) (*http.Response, error) {
			if q := r.URL.Query(); q.Has("wait") {
				q.Set("wait", "0s")
				r.URL.RawQuery = q.Encode()
			}
			return nil, nil
		},
	} {
		bubble(t, func(t *testing.T) {
			network, _ := newLink(t)
			newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(bound)})
			network.set(respond, nil)
			time.Sleep(time.Minute)
			if n := len(network.sent(feedPath)); n < 30 || n > 700 {
				t.Errorf("%s: %d polls in a minute", name, n)
			}
		})
	}
}

// A poll has the position, the wait, the name, the ETag of the keys and the
// credentials.
func TestFeed_Request(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		newVerifier(t, network, verify.Options{
			Revocation: verify.FailClosed(bound), Name: "orders-7", Client: verify.Client{ID: "a:b", Secret: "s e/c"},
		})
		issuer.RevokeAll()
		time.Sleep(time.Minute)
		sent := network.sent(feedPath)
		q := sent[len(sent)-1].URL.Query()
		id, secret, ok := sent[0].BasicAuth()
		if !strings.HasPrefix(q.Get("after"), "1-") || q.Get("wait") != "1.666s" || q.Get("name") != "orders-7" ||
			len(q.Get("keys")) != 47 || !ok || id != "a%3Ab" || secret != "s+e%2Fc" {
			t.Errorf("query %v, credentials %q, %q", q, id, secret)
		}
		for i, r := range sent[2:] {
			if pause := r.at.Sub(sent[i+1].at); pause > 1700*time.Millisecond {
				t.Errorf("a poll after %v", pause)
			}
		}
	})
}

// An entry disappears as soon as no token can be valid that it refuses, and not
// before.
func TestFeed_EntriesExpire(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const life, margin, leeway = 20 * time.Minute, 90 * time.Second, 10 * time.Second
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(bound), Leeway: leeway})
		began := time.Now()
		token := issuer.Token(verifytest.Claims{Subject: "alice", ExpiresAt: began.Add(life)})
		issuer.Revoke(token)
		time.Sleep(life)
		want(t, v, "revoked", token, verify.ErrRevoked)
		time.Sleep(margin + leeway - time.Second)
		if s := v.Stats(); s.Entries != 1 {
			t.Errorf("%d entries after %v, want 1", s.Entries, time.Since(began))
		}
		time.Sleep(2*time.Minute + time.Second)
		if s := v.Stats(); s.Entries != 0 {
			t.Errorf("%d entries after %v, want none", s.Entries, time.Since(began))
		}
		want(t, v, "expired", token, verify.ErrExpired)
	})
}

// A verifier whose clock is wrong has all entries, although they are not fresh.
// It does not load them again with each poll.
func TestFeed_WrongClockLoadsOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v, err := verify.NewWithClock(t.Context(), verifytest.URL, verify.Options{
			Audience: verifytest.Audience, Revocation: verify.FailOpen(bound), Log: quiet,
			HTTP: &http.Client{Transport: network},
		}, func() time.Time { return time.Now().Add(time.Minute) })
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		token := issuer.Token(verifytest.Claims{Subject: "alice"})
		issuer.Revoke(token)
		time.Sleep(bound) // longer than the pause after a poll that failed
		network.reset()
		time.Sleep(time.Minute)
		want(t, v, "revoked", token, verify.ErrRevoked)
		loads := 0
		for _, r := range network.sent(feedPath) {
			if r.URL.Query().Get("after") == "0-0" {
				loads++
			}
		}
		if polls := len(network.sent(feedPath)); loads > 0 || polls < 10 {
			t.Errorf("%d polls of %d loaded all entries", loads, polls)
		}
	})
}

package verify_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// A cut network turns each policy exactly when the revocations are older than
// it allows, and the policy turns back within one wait of a poll.
func TestPolicy_TurnsExactlyAtTheBound(t *testing.T) {
	for name, policy := range map[string]verify.Policy{
		"FailClosed": verify.FailClosed(bound), "FailOpen": verify.FailOpen(bound),
		"Introspect": verify.Introspect(bound),
	} {
		bubble(t, func(t *testing.T) {
			network, issuer := newLink(t)
			o := verify.Options{Revocation: policy, Client: verify.Client{ID: "api", Secret: "a secret"}}
			v := newVerifier(t, network, o)
			valid := issuer.Token(verifytest.Claims{Subject: "alice"})
			revoked := issuer.Token(verifytest.Claims{Subject: "bob"})
			issuer.Revoke(revoked)
			time.Sleep(50 * time.Millisecond) // until the verifier has it
			time.Sleep(time.Minute)

			// turned reports whether the policy decides.
			turned := func() bool {
				network.reset()
				c, err := v.Verify(t.Context(), valid)
				switch name {
				case "FailClosed":
					want(t, v, "closed", valid, err)
					return err != nil
				case "FailOpen":
					return c.Unchecked
				}
				return err != nil || len(network.sent(introspectPath)) > 0
			}
			issuer.Cut()
			confirmed, _ := v.Age()
			confirmed = -confirmed
			began := time.Now()
			for !turned() {
				time.Sleep(5 * time.Millisecond)
			}
			age := time.Since(began) - confirmed
			if age <= bound || age > bound+100*time.Millisecond {
				t.Errorf("%s: turned at the age of %v, want %v", name, age, bound)
			}
			want(t, v, name+": a token that is known to be revoked", revoked, verify.ErrRevoked)

			time.Sleep(5 * time.Minute)
			issuer.Mend()
			began = time.Now()
			for turned() {
				time.Sleep(5 * time.Millisecond)
			}
			if took := time.Since(began); took > wait+5*time.Millisecond {
				t.Errorf("%s: turned back after %v, want %v", name, took, wait)
			}
		})
	}
}

// With FailClosed, the error of a cut network is ErrStale. A token that is
// invalid for another reason is still invalid.
func TestPolicy_ErrorsOfFailClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		v := newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(bound)})
		issuer.Cut()
		time.Sleep(time.Minute)
		want(t, v, "valid", issuer.Token(verifytest.Claims{}), verify.ErrStale)
		other := issuer.Token(verifytest.Claims{Audience: []string{"other"}})
		want(t, v, "for another audience", other, verify.ErrAudience)
		if age, ok := v.Age(); !ok || age < time.Minute-wait || age > time.Minute+wait {
			t.Errorf("age %v, %v, want a minute", age, ok)
		}
		s := v.Stats()
		if s.PollErrors == 0 || s.Polls <= s.PollErrors || s.Keys != 1 || s.KeyFetches == 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// The freshness does not depend on the wall clock of the verifier.
func TestPolicy_IgnoresJumpsOfTheWallClock(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network, issuer := newLink(t)
		var jump time.Duration
		v, err := verify.NewWithClock(t.Context(), verifytest.URL, verify.Options{
			Audience: verifytest.Audience, Revocation: verify.FailClosed(bound), Log: quiet,
			HTTP: &http.Client{Transport: network}, Leeway: time.Minute,
		}, func() time.Time { return time.Now().Add(jump) })
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		token := issuer.Token(verifytest.Claims{ExpiresAt: time.Now().Add(9 * time.Hour)})
		for _, jump = range []time.Duration{-59 * time.Second, 34 * time.Second, 0} {
			want(t, v, "the issuer answers", token, nil)
		}
		issuer.Cut()
		time.Sleep(bound + time.Millisecond)
		for _, jump = range []time.Duration{-59 * time.Second, time.Hour, 0} {
			want(t, v, "the issuer is cut off", token, verify.ErrStale)
		}
	})
}

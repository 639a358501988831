package main

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signetd/signet/verify"
)

// newService returns a service that verifies the tokens of the machine's
// server, under a name.
func newService(t *testing.T, m *machine, name string) *verify.Verifier {
	t.Helper()
	v, err := verify.New(t.Context(), "http://"+m.http, verify.Options{
		Audience: demoAudience, Revocation: verify.FailClosed(5 * time.Second), Name: name,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// accessToken runs a command that prints JSON and returns the access token.
func (m *machine) accessToken(args ...string) string {
	m.t.Helper()
	var result struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(m.signet("", append(args, "-o", "json")...)), &result); err != nil {
		m.t.Fatal(err)
	}
	return result.AccessToken
}

// A service that follows the feed refuses the tokens that a command revokes,
// and accepts those that are issued after it.
func TestRevocations_CommandsReachAService(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs thirty commands; the packages feed and verify have the rules")
	}
	m := newDemoMachine(t)
	m.start("--dev").ready()
	v := newService(t, m, "")
	user := m.demo().Username
	subject := regexp.MustCompile(`usr_\w+`).FindString(m.signet("", "users", "show", user))
	kid := regexp.MustCompile(`(\S+) +RS256 +active +now`)
	for name, act := range map[string][]string{
		"logout":              {"grants", "revoke", "--user", user},
		"subject":             {"revocations", "add", "--subject", subject},
		"subject at a client": {"revocations", "add", "--subject", subject, "--client", demoClient},
		"client":              {"revocations", "add", "--client", demoClient},
		"audience":            {"revocations", "add", "--audience", demoAudience},
		"all":                 {"revocations", "add", "--all"},
		"key":                 {"keys", "--compromise", kid.FindStringSubmatch(m.signet("", "keys"))[1]},
	} {
		token := m.accessToken("login")
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatalf("%s: a new token: %v", name, err)
		}
		m.signet("", act...)
		var err error
		refused := eventually(func() bool {
			_, err = v.Verify(t.Context(), token)
			return errors.Is(err, verify.ErrRevoked) || name == "key" && errors.Is(err, verify.ErrInvalid)
		})
		if !refused {
			t.Errorf("%s: %v, want ErrRevoked", name, err)
		}
		if _, err := v.Verify(t.Context(), m.accessToken("login")); err != nil {
			t.Errorf("%s: a token that was issued later: %v", name, err)
		}
	}

	token := m.accessToken("login")
	m.signet("", "clients", "disable", demoClient)
	refused := eventually(func() bool {
		_, err := v.Verify(t.Context(), token)
		return errors.Is(err, verify.ErrRevoked)
	})
	if !refused {
		t.Error("a token of a disabled client is valid")
	}
}

// Operators see the name of a service and whether it has the next keys, wait
// for it, and try the next key at it.
func TestVerifiers_AreListedWithTheirKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("a server stores who polled every 15 seconds")
	}
	t.Parallel() // it mostly waits
	m := newDemoMachine(t)
	m.start("--dev").ready()
	v := newService(t, m, "orders-1")
	canary := strings.TrimSpace(m.signet("", "keys", "--canary", demoAudience))
	claims, err := v.Verify(t.Context(), canary)
	if err != nil || claims.Subject != "operator:canary" || !claims.Has("canary") {
		t.Errorf("canary token: %+v, %v", claims, err)
	}

	// Another service has an older JWK Set.
	if statusAt("http://"+m.http+"/revocations?after=0-0&name=billing-1&keys=%22old%22") != http.StatusOK {
		t.Error("the poll of billing-1 is refused")
	}
	listed := regexp.MustCompile(`(?m)^orders-1 +\S+:\d+ +current +20\S+ +0s$`)
	var list string
	if !eventuallyAfter(programPause, func() bool {
		list = m.signet("", "verifiers")
		return listed.MatchString(list)
	}) {
		t.Errorf("listed:\n%s", list)
	}
	if !strings.Contains(list, "billing-1") || !strings.Contains(list, " outdated ") {
		t.Errorf("listed:\n%s", list)
	}
	plan := m.signet("", "keys", "--rotate", "--plan")
	if !strings.Contains(plan, "warning: the verifier billing-1, which polls ") || strings.Contains(plan, "orders-1") {
		t.Errorf("the plan:\n%s", plan)
	}
	m.signet("", "keys", "--rotate", "--now", "--wait-for", "orders-1")
	if _, err := v.Verify(t.Context(), m.accessToken("login")); err != nil {
		t.Errorf("a token after the rotation: %v", err)
	}

	// The wait for a service that never polls ends when it is interrupted.
	c := m.command("keys", "--rotate", "--wait-for", "nobody-1")
	waiting := new(syncBuffer)
	c.Stderr = waiting
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	const text = "waiting for nobody-1, which has not polled in the last minute"
	if !eventually(func() bool { return strings.Contains(waiting.String(), text) }) {
		t.Errorf("it prints %q", waiting.String())
	}
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); c.ProcessState.ExitCode() != exitFailure {
		t.Errorf("the interrupted wait: %v", err)
	}
}

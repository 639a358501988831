package verify_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// The verifier returns the claims of a token under each algorithm.
func TestVerify_ReturnsClaims(t *testing.T) {
	bubble(t, func(t *testing.T) {
		algorithms := []string{"EdDSA", "ES256", "RS256"}
		issuer := verifytest.New(t, algorithms...)
		v := newVerifier(t, issuer, verify.Options{Revocation: verify.FailClosed(5 * time.Second)})
		now := time.Now()
		for _, algorithm := range algorithms {
			c := want(t, v, algorithm, issuer.Token(verifytest.Claims{
				Subject: "alice", ClientID: "web", Audience: []string{verifytest.Audience, "billing"},
				Scope: "read write", ACR: "1", AMR: []string{"pwd", "otp"}, Algorithm: algorithm,
				Extra: map[string]any{"tenant": "acme", "n": 7},
			}), nil)
			if c == nil {
				continue
			}
			var tenant string
			if ok, err := c.Extra("tenant", &tenant); !ok || err != nil || tenant != "acme" {
				t.Errorf("extra claim: %q, %v, %v", tenant, ok, err)
			}
			if ok, err := c.Extra("n", &tenant); !ok || err == nil {
				t.Errorf("a number as text: %v, %v", ok, err)
			}
			if ok, err := c.Extra("sub", &tenant); ok || err != nil {
				t.Errorf("a standard claim as an extra one: %v, %v", ok, err)
			}
			texts := []string{c.Subject, c.ClientID, c.ACR}
			if !slices.Equal(texts, []string{"alice", "web", "1"}) || len(c.SessionID) != 32 || len(c.ID) != 22 ||
				!slices.Equal(c.Audience, []string{verifytest.Audience, "billing"}) ||
				!slices.Equal(c.AMR, []string{"pwd", "otp"}) || c.Unchecked {
				t.Errorf("%s: claims %+v", algorithm, c)
			}
			if !c.Has() || !c.Has("read", "write") || c.Has("read", "admin") {
				t.Errorf("%s: scope %q", algorithm, c.Scope)
			}
			if !c.IssuedAt.Equal(now.Truncate(time.Second)) || c.ExpiresAt.Sub(c.IssuedAt) != 10*time.Minute ||
				!c.AuthTime.Equal(c.IssuedAt) {
				t.Errorf("%s: times %v, %v, %v", algorithm, c.IssuedAt, c.ExpiresAt, c.AuthTime)
			}
		}
	})
}

// A revoked token is refused as soon as the verifier has the entry, and each
// kind of entry refuses the tokens that it concerns.
func TestVerify_RefusesRevokedTokens(t *testing.T) {
	bubble(t, func(t *testing.T) {
		issuer := verifytest.New(t)
		v := newVerifier(t, issuer, verify.Options{Revocation: verify.FailClosed(5 * time.Second)})
		claims := verifytest.Claims{Subject: "alice", ClientID: "web"}
		for name, revoke := range map[string]func(token string){
			"session":               issuer.Revoke,
			"subject":               func(string) { issuer.RevokeSubject("alice") },
			"subject at the client": func(string) { issuer.RevokeSubjectAtClient("alice", "web") },
			"client":                func(string) { issuer.RevokeClient("web") },
			"audience":              func(string) { issuer.RevokeAudience(verifytest.Audience) },
			"all":                   func(string) { issuer.RevokeAll() },
		} {
			before := issuer.Token(claims)
			want(t, v, name+" before", before, nil)
			revoke(before)
			time.Sleep(50 * time.Millisecond) // until the verifier has it
			want(t, v, name, before, verify.ErrRevoked)
			want(t, v, name+", a later token", issuer.Token(claims), nil)
		}

		own := issuer.Token(verifytest.Claims{})
		issuer.Revoke(own)
		time.Sleep(50 * time.Millisecond) // until the verifier has it
		want(t, v, "a token without a session", own, verify.ErrRevoked)
		want(t, v, "another token of the client", issuer.Token(verifytest.Claims{}), nil)
	})
}

// Every error about a token is ErrInvalid, and no other error is.
func TestErrors_AreOfTwoKinds(t *testing.T) {
	for _, err := range []error{
		verify.ErrExpired, verify.ErrNotYet, verify.ErrIssuer, verify.ErrAudience, verify.ErrRevoked,
	} {
		if !errors.Is(err, verify.ErrInvalid) || errors.Is(err, verify.ErrUnavailable) {
			t.Errorf("%v is not ErrInvalid", err)
		}
	}
	for _, err := range []error{verify.ErrUnavailable, verify.ErrStale} {
		if errors.Is(err, verify.ErrInvalid) || !errors.Is(err, verify.ErrUnavailable) {
			t.Errorf("%v is not ErrUnavailable", err)
		}
	}
}

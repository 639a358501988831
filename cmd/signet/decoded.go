package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// decoded is what stands in a compact token: shown, not verified. It is empty for a refresh token, which is opaque.
type decoded struct {
	Header json.RawMessage `json:"header,omitempty"`
	Claims json.RawMessage `json:"claims,omitempty"`
}

func decode(token string) decoded {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return decoded{}
	}
	var d decoded
	for i, to := range []*json.RawMessage{&d.Header, &d.Claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || !json.Valid(text) {
			return decoded{}
		}
		*to = text
	}
	return d
}

func (d decoded) print(w io.Writer) {
	for _, part := range []struct {
		name string
		text json.RawMessage
	}{{"header", d.Header}, {"claims", d.Claims}} {
		var pretty bytes.Buffer
		if part.text == nil || json.Indent(&pretty, part.text, "", "  ") != nil {
			continue
		}
		fmt.Fprintf(w, "%s:\n", part.name)
		for line := range strings.Lines(pretty.String()) {
			fmt.Fprintln(w, printable(strings.TrimSuffix(line, "\n")))
		}
	}
}

// tokenResult is what login and refresh print. The refresh token is kept, not shown.
type tokenResult struct {
	AccessToken      string `json:"access_token"`
	TokenType        string `json:"token_type"`
	ExpiresIn        int64  `json:"expires_in"`
	RefreshExpiresIn int64  `json:"refresh_expires_in"`
	Scope            string `json:"scope"`
	Subject          string `json:"subject"`
	GrantID          string `json:"grant_id"`
	decoded
}

func (t tokenResult) printer(keptIn string) func(io.Writer) {
	return func(w io.Writer) {
		fmt.Fprintf(w, "access token:\n%s\n", printable(t.AccessToken))
		t.decoded.print(w)
		fmt.Fprintf(w, "The access token expires in %s. The refresh token is kept in %s and lasts %s.\n",
			time.Duration(t.ExpiresIn)*time.Second, keptIn, time.Duration(t.RefreshExpiresIn)*time.Second)
	}
}

// introspection is what introspect prints (RFC 7662 §2.2).
type introspection struct {
	Active    bool     `json:"active"`
	TokenType string   `json:"token_type,omitempty"`
	Issuer    string   `json:"issuer,omitempty"`
	Subject   string   `json:"subject,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	Audience  []string `json:"audience,omitempty"`
	Scope     string   `json:"scope,omitempty"`
	TokenID   string   `json:"token_id,omitempty"`
	GrantID   string   `json:"grant_id,omitempty"`
	ExpiresAt string   `json:"expires_at,omitempty"`
	IssuedAt  string   `json:"issued_at,omitempty"`
	AuthTime  string   `json:"auth_time,omitempty"`
	decoded
}

func viewIntrospection(r *signetv1.IntrospectResponse, token string) introspection {
	v := introspection{
		Active: r.GetActive(), TokenType: r.GetTokenType(), Issuer: r.GetIssuer(), Subject: r.GetSubject(), ClientID: r.GetClientId(),
		Audience: r.GetAudience(), Scope: r.GetScope(), TokenID: r.GetTokenId(), GrantID: r.GetGrantId(), decoded: decode(token),
	}
	if r.GetActive() {
		v.ExpiresAt, v.IssuedAt = when(r.GetExpiresAt().AsTime()), when(r.GetIssuedAt().AsTime())
		v.AuthTime = when(r.GetAuthTime().AsTime())
	}
	return v
}

func (v introspection) print(w io.Writer) {
	v.decoded.print(w)
	sheet{
		{"active", strconv.FormatBool(v.Active)},
		{"token type", v.TokenType},
		{"issuer", v.Issuer},
		{"subject", v.Subject},
		{"client id", v.ClientID},
		{"audience", strings.Join(v.Audience, " ")},
		{"scope", v.Scope},
		{"token id", v.TokenID},
		{"grant id", v.GrantID},
		{"issued", v.IssuedAt},
		{"expires", v.ExpiresAt},
		{"authenticated", v.AuthTime},
	}.print(w)
}

package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A decodedToken is the header and the claims of a JWT, without verification.
// It is empty for a refresh token, which is opaque.
type decodedToken struct {
	Header json.RawMessage `json:"header,omitempty"`
	Claims json.RawMessage `json:"claims,omitempty"`
}

// decodeToken decodes a JWT. For anything else it returns the zero value.
func decodeToken(token string) decodedToken {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return decodedToken{}
	}
	var d decodedToken
	for i, field := range []*json.RawMessage{&d.Header, &d.Claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || !json.Valid(text) {
			return decodedToken{}
		}
		*field = text
	}
	return d
}

// print writes header and claims as indented JSON.
func (d decodedToken) print(w io.Writer) {
	for _, part := range []struct {
		name string
		text json.RawMessage
	}{{"header", d.Header}, {"claims", d.Claims}} {
		var indented bytes.Buffer
		if part.text == nil || json.Indent(&indented, part.text, "", "  ") != nil {
			continue
		}
		fmt.Fprintf(w, "%s:\n", part.name)
		for line := range strings.Lines(indented.String()) {
			fmt.Fprintln(w, printable(strings.TrimSuffix(line, "\n")))
		}
	}
}

// A tokenResult is the result of `login` and `refresh`. The refresh token is
// stored, not printed.
type tokenResult struct {
	AccessToken      string `json:"access_token"`
	TokenType        string `json:"token_type"`
	ExpiresIn        int64  `json:"expires_in"`
	RefreshExpiresIn int64  `json:"refresh_expires_in"`
	Scope            string `json:"scope"`
	Subject          string `json:"subject"`
	GrantID          string `json:"grant_id"`
	decodedToken
}

func newTokenResult(t *signetv1.TokenResponse) tokenResult {
	return tokenResult{
		AccessToken: t.GetAccessToken(), TokenType: t.GetTokenType(), ExpiresIn: t.GetExpiresIn(),
		RefreshExpiresIn: t.GetRefreshExpiresIn(), Scope: t.GetScope(), Subject: t.GetSubject(),
		GrantID: t.GetGrantId(), decodedToken: decodeToken(t.GetAccessToken()),
	}
}

// printer returns a function that writes the result as text. path is the path
// of the token file.
func (t tokenResult) printer(path string) func(io.Writer) {
	return func(w io.Writer) {
		fmt.Fprintf(w, "access token:\n%s\n", printable(t.AccessToken))
		t.decodedToken.print(w)
		fmt.Fprintf(w, "The access token expires in %s. The refresh token is stored in %s and expires in %s.\n",
			time.Duration(t.ExpiresIn)*time.Second, path, time.Duration(t.RefreshExpiresIn)*time.Second)
	}
}

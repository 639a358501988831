package verifytest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/revocation"
)

// introspect answers a request to the introspection endpoint (RFC 7662 §2.2).
// Every id and secret of a client is accepted.
func (s *server) introspect(r *http.Request, form []byte) (answer, error) {
	if id, secret, ok := r.BasicAuth(); !ok || id == "" || secret == "" {
		a := failure(http.StatusUnauthorized)
		a.header.Set("WWW-Authenticate", `Basic realm="issuer"`)
		return a, nil
	}
	values, err := url.ParseQuery(string(form))
	if err != nil || len(values["token"]) != 1 {
		return failure(http.StatusBadRequest), nil
	}

	claims := s.active(values.Get("token"))
	if claims == nil {
		claims = map[string]any{"active": false}
	}
	a, err := document(claims)
	if err != nil {
		return answer{}, err
	}
	a.header.Set("Cache-Control", "no-store")
	return a, nil
}

// introspected are the claims that the answer has.
var introspected = []string{"scope", "client_id", "exp", "iat", "auth_time", "sub", "iss", "jti", "sid"}

// active returns the members that describe an active token, or nil.
func (s *server) active(token string) map[string]any {
	verified, err := jws.Verify(token, s.ring.find)
	if err != nil || verified.Type != "at+jwt" {
		return nil
	}

	var c struct {
		Issuer    string `json:"iss"`
		Subject   string `json:"sub"`
		ClientID  string `json:"client_id"`
		GrantID   string `json:"sid"`
		TokenID   string `json:"jti"`
		Audience  any    `json:"aud"`
		IssuedAt  int64  `json:"iat"`
		ExpiresAt int64  `json:"exp"`
	}
	var members map[string]any
	if json.Unmarshal(verified.Payload, &c) != nil || json.Unmarshal(verified.Payload, &members) != nil {
		return nil
	}
	refused := s.log.table.Refuses(revocation.Claims{
		GrantID: c.GrantID, TokenID: c.TokenID, KeyID: verified.KeyID, Subject: c.Subject, ClientID: c.ClientID,
		Audience: list(c.Audience), Issuer: c.Issuer,
		MintedAt: revocation.MintedAt(c.TokenID, time.Unix(c.IssuedAt, 0)),
	})
	if refused != 0 || time.Now().Unix() >= c.ExpiresAt {
		return nil
	}
	maps.DeleteFunc(members, func(name string, _ any) bool { return !slices.Contains(introspected, name) })
	members["active"], members["token_type"], members["aud"] = true, "Bearer", list(c.Audience)
	return members
}

// list returns the values of an aud claim (RFC 7519 §4.1.3).
func list(audience any) []string {
	switch a := audience.(type) {
	case string:
		return []string{a}
	case []any:
		var values []string
		for _, v := range a {
			if text, ok := v.(string); ok {
				values = append(values, text)
			}
		}
		return values
	}
	return nil
}

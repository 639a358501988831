package adminrpc

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/rpc/page"
	"github.com/signetd/signet/internal/rpc/validate"
	"github.com/signetd/signet/keys"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// The maximum sizes of fields, in bytes, and the maximum lengths of lists.
const (
	maxAlgorithm = 64
	maxKid       = 128
	maxWay       = 64
	maxJWKS      = 32 << 10
	maxTokenID   = 128
)

func validateUsername(username string) error {
	var v validate.Violations
	v.Required("username", username, validate.MaxUsername)
	return v.Err()
}

func validatePassword(username, password string) error {
	var v validate.Violations
	v.Required("username", username, validate.MaxUsername)
	v.Required("password", password, validate.MaxPassword)
	return v.Err()
}

func validateNewUser(r *signetv1.CreateUserRequest) error {
	var v validate.Violations
	v.Required("username", r.GetUsername(), validate.MaxUsername)
	v.Required("password", r.GetPassword(), validate.MaxPassword)
	v.Claims("claims", r.GetClaims())
	return v.Err()
}

func validateUserClaims(r *signetv1.SetUserClaimsRequest) error {
	var v validate.Violations
	v.Required("username", r.GetUsername(), validate.MaxUsername)
	v.Claims("claims", r.GetClaims())
	return v.Err()
}

func validatePage(size int32, token string) error {
	var v validate.Violations
	page.Validate(&v, size, token)
	return v.Err()
}

func validateID(id string, limit int) error {
	var v validate.Violations
	v.Required("id", id, limit)
	return v.Err()
}

func validateKid(kid string) error {
	var v validate.Violations
	v.Required("kid", kid, maxKid)
	return v.Err()
}

func validateAudienceID(id string) error {
	var v validate.Violations
	v.Required("audience", id, oauth.MaxAudienceID)
	return v.Err()
}

func validateNewRevocation(r *signetv1.AddRevocationRequest) error {
	var v validate.Violations
	checkTokens(&v, r)
	if r.GetSubject() == "" && r.GetClientId() == "" && r.GetAudience() == "" && !r.GetAll() {
		v.Add("all", "must be set, or one of subject, client_id and audience")
	}
	if r.GetBefore() != nil && r.GetBefore().CheckValid() != nil {
		v.Add("before", "must be a valid time")
	}
	return v.Err()
}

func validateRevocationList(r *signetv1.ListRevocationsRequest) error {
	var v validate.Violations
	page.Validate(&v, r.GetPageSize(), r.GetPageToken())
	checkTokens(&v, r)
	v.Bounded("grant_id", r.GetGrantId(), maxTokenID)
	v.Bounded("token_id", r.GetTokenId(), maxTokenID)
	v.Bounded("kid", r.GetKid(), maxKid)
	return v.Err()
}

// checkTokens checks the fields that select tokens.
func checkTokens(v *validate.Violations, r interface {
	GetSubject() string
	GetClientId() string
	GetAudience() string
},
) {
	v.Bounded("subject", r.GetSubject(), oauth.MaxSubject)
	v.Bounded("client_id", r.GetClientId(), oauth.MaxClientID)
	v.Bounded("audience", r.GetAudience(), oauth.MaxAudienceID)
}

func validateAlgorithms(names []string) error {
	var v validate.Violations
	known := []string{keys.RS256, keys.ES256, keys.EdDSA, keys.MAC}
	for n, name := range names {
		if !slices.Contains(known, name) || slices.Contains(names[:n], name) {
			v.Add(fmt.Sprintf("algorithms[%d]", n), "must be RS256, ES256, EdDSA or mac, each at most once")
			break
		}
	}
	return v.Err()
}

func validateNewClient(c *signetv1.Client) error {
	var v validate.Violations
	if c == nil {
		v.Add("client", "must be set")
	}
	v.Bounded("client.id", c.GetId(), oauth.MaxClientID)
	checkClient(&v, c)
	return v.Err()
}

func validateClientUpdate(r *signetv1.UpdateClientRequest) error {
	var v validate.Violations
	v.Required("client.id", r.GetClient().GetId(), oauth.MaxClientID)
	checkClient(&v, r.GetClient())
	checkMask(&v, r.GetUpdateMask(), slices.Sorted(maps.Keys(clientFields)))
	return v.Err()
}

// checkClient checks the settings of a client.
func checkClient(v *validate.Violations, c *signetv1.Client) {
	v.Label("client.name", c.GetName(), client.MaxName)
	checkList(v, "client.audience", c.GetAudience(), client.MaxAudiences, oauth.MaxAudienceID)
	checkList(v, "client.introspect_audience", c.GetIntrospectAudience(), client.MaxAudiences, oauth.MaxAudienceID)
	v.Bounded("client.scope", c.GetScope(), oauth.MaxScope)
	checkDuration(v, "client.refresh_idle", c.GetRefreshIdle())
	checkDuration(v, "client.refresh_absolute", c.GetRefreshAbsolute())
	checkDuration(v, "client.leeway", c.GetLeeway())
	checkDuration(v, "client.retry_window", c.GetRetryWindow())
	checkList(v, "client.cert_san", c.GetCertSan(), oauth.MaxCertSANs, oauth.MaxCertSAN)
	v.Bounded("client.jwks", c.GetJwks(), maxJWKS)
	v.Bounded("client.browser.way", c.GetBrowser().GetWay(), maxWay)
	checkList(v, "client.browser.origin", c.GetBrowser().GetOrigin(), client.MaxOrigins, client.MaxOrigin)
	v.Bounded("client.browser.login_path", c.GetBrowser().GetLoginPath(), client.MaxLoginPath)
	checkList(v, "client.cors_origin", c.GetCorsOrigin(), client.MaxOrigins, client.MaxOrigin)
}

func validateNewAudience(a *signetv1.Audience) error {
	var v validate.Violations
	checkAudience(&v, a)
	return v.Err()
}

func validateAudienceUpdate(r *signetv1.UpdateAudienceRequest) error {
	var v validate.Violations
	checkAudience(&v, r.GetAudience())
	checkMask(&v, r.GetUpdateMask(), slices.Sorted(maps.Keys(audienceFields)))
	return v.Err()
}

// checkAudience checks an audience.
func checkAudience(v *validate.Violations, a *signetv1.Audience) {
	v.Required("audience.id", a.GetId(), oauth.MaxAudienceID)
	v.Bounded("audience.algorithm", a.GetAlgorithm(), maxAlgorithm)
	checkDuration(v, "audience.lifetime", a.GetLifetime())
	v.Bounded("audience.scope", a.GetScope(), oauth.MaxScope)
	checkList(v, "audience.claims", a.GetClaims(), client.MaxClaims, oauth.MaxClaimName)
}

// checkMask adds a violation unless the mask names at least one field, and only
// known ones.
func checkMask(v *validate.Violations, m *fieldmaskpb.FieldMask, known []string) {
	unknown := func(path string) bool { return !slices.Contains(known, path) }
	if paths := m.GetPaths(); len(paths) == 0 || slices.ContainsFunc(paths, unknown) {
		v.Add("update_mask", "must name the fields to change, out of: "+strings.Join(known, ", "))
	}
}

// checkList adds violations unless the list has at most count values of 1 to
// limit bytes each.
func checkList(v *validate.Violations, field string, values []string, count, limit int) {
	if len(values) > count {
		v.Add(field, fmt.Sprintf("must not have more than %d values", count))
		return
	}
	for n, value := range values {
		v.Required(fmt.Sprintf("%s[%d]", field, n), value, limit)
	}
}

// checkDuration adds a violation if the duration is set and out of range.
func checkDuration(v *validate.Violations, field string, d *durationpb.Duration) {
	if d != nil && d.CheckValid() != nil {
		v.Add(field, "must be a valid duration")
	}
}

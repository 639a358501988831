package rpc

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// How long a field of administration may be beside those, in bytes, and how many values a list may have.
const (
	maxName       = 256
	maxKnown      = 256 // audiences that a client may ask for
	maxClaimNames = 32
	maxKid        = 128
	maxJWKS       = 32 << 10
)

func validateUsername(username string) error {
	var v violations
	v.required("username", username, maxUsername)
	return v.err()
}

func validatePassword(username, password string) error {
	var v violations
	v.required("username", username, maxUsername)
	v.required("password", password, maxPassword)
	return v.err()
}

func validatePage(size int32, token string) error {
	var v violations
	v.page(size, token)
	return v.err()
}

func validateID(id string, limit int) error {
	var v violations
	v.required("id", id, limit)
	return v.err()
}

func validateKid(kid string) error {
	var v violations
	v.required("kid", kid, maxKid)
	return v.err()
}

func validateAlgorithms(names []string) error {
	var v violations
	known := []string{keys.RS256, keys.ES256, keys.EdDSA, keys.MAC}
	for n, name := range names {
		if !slices.Contains(known, name) || slices.Contains(names[:n], name) {
			v.add(fmt.Sprintf("algorithms[%d]", n), "must be RS256, ES256, EdDSA or mac, each once at most")
			break
		}
	}
	return v.err()
}

func validateNewClient(c *signetv1.Client) error {
	var v violations
	if c == nil {
		v.add("client", "must be set")
	}
	v.bounded("client.id", c.GetId(), oauth.MaxClientID)
	v.client(c)
	return v.err()
}

func validateClientUpdate(r *signetv1.UpdateClientRequest) error {
	var v violations
	v.required("client.id", r.GetClient().GetId(), oauth.MaxClientID)
	v.client(r.GetClient())
	v.mask(r.GetUpdateMask(), slices.Sorted(maps.Keys(clientFields)))
	return v.err()
}

func (v *violations) client(c *signetv1.Client) {
	v.label("client.name", c.GetName(), maxName)
	v.list("client.audience", c.GetAudience(), maxKnown, oauth.MaxAudienceID)
	v.bounded("client.scope", c.GetScope(), oauth.MaxScope)
	v.duration("client.refresh_idle", c.GetRefreshIdle())
	v.duration("client.refresh_absolute", c.GetRefreshAbsolute())
	v.duration("client.leeway", c.GetLeeway())
	v.list("client.cert_san", c.GetCertSan(), oauth.MaxCertSANs, oauth.MaxCertSAN)
	v.bounded("client.jwks", c.GetJwks(), maxJWKS)
}

func validateNewAudience(x *signetv1.Audience) error {
	var v violations
	v.audienceSettings(x)
	return v.err()
}

func validateAudienceUpdate(r *signetv1.UpdateAudienceRequest) error {
	var v violations
	v.audienceSettings(r.GetAudience())
	v.mask(r.GetUpdateMask(), slices.Sorted(maps.Keys(audienceFields)))
	return v.err()
}

func (v *violations) audienceSettings(x *signetv1.Audience) {
	v.required("audience.id", x.GetId(), oauth.MaxAudienceID)
	v.bounded("audience.algorithm", x.GetAlgorithm(), maxHint)
	v.duration("audience.lifetime", x.GetLifetime())
	v.bounded("audience.scope", x.GetScope(), oauth.MaxScope)
	v.list("audience.claims", x.GetClaims(), maxClaimNames, oauth.MaxClaimName)
}

// mask wants at least one of the known fields, and no other.
func (v *violations) mask(m *fieldmaskpb.FieldMask, known []string) {
	unknown := func(path string) bool { return !slices.Contains(known, path) }
	if paths := m.GetPaths(); len(paths) == 0 || slices.ContainsFunc(paths, unknown) {
		v.add("update_mask", "must name what changes, out of: "+strings.Join(known, ", "))
	}
}

// list wants at most count values of 1 to limit bytes each.
func (v *violations) list(field string, values []string, count, limit int) {
	if len(values) > count {
		v.add(field, fmt.Sprintf("must not have more than %d values", count))
		return
	}
	for n, value := range values {
		v.required(fmt.Sprintf("%s[%d]", field, n), value, limit)
	}
}

// duration wants one that is in range, if there is one.
func (v *violations) duration(field string, d *durationpb.Duration) {
	if d != nil && d.CheckValid() != nil {
		v.add(field, "must be a valid duration")
	}
}

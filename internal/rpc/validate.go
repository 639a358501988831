package rpc

import (
	"fmt"
	"strings"
	"unicode"

	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/signetd/signet/internal/oauth"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// How long a field may be, in bytes, beside what is bounded at every door; see oauth.MaxToken.
const (
	maxUsername    = 1 << 10
	maxPassword    = 1 << 10
	maxHint        = 64
	maxIP          = 64
	maxUserAgent   = 512
	maxDeviceLabel = 256
	maxDeviceToken = 256
	maxGrantID     = 32
)

// violations are the fields of a request that are not as they must be: an invalid_request.
type violations []*errdetails.BadRequest_FieldViolation

// Error names the fields and what they must be, never what they are.
func (v violations) Error() string {
	var texts []string
	for _, f := range v {
		texts = append(texts, f.GetField()+" "+f.GetDescription())
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns the category.
func (v violations) Unwrap() error { return oauth.InvalidRequest }

// err returns nil if there are none.
func (v violations) err() error {
	if len(v) == 0 {
		return nil
	}
	return v
}

func (v *violations) add(field, description string) {
	*v = append(*v, &errdetails.BadRequest_FieldViolation{Field: field, Description: description})
}

// bounded wants at most limit bytes.
func (v *violations) bounded(field, value string, limit int) {
	if len(value) > limit {
		v.add(field, fmt.Sprintf("must not have more than %d bytes", limit))
	}
}

// required wants 1 to limit bytes.
func (v *violations) required(field, value string, limit int) {
	if value == "" {
		v.add(field, "must not be empty")
	}
	v.bounded(field, value, limit)
}

func (v *violations) audience(names []string) {
	if len(names) > oauth.MaxAudiences {
		v.add("audience", fmt.Sprintf("must not name more than %d", oauth.MaxAudiences))
		return
	}
	for n, name := range names {
		if name == "" || len(name) > oauth.MaxAudienceID { // to name a field takes longer than to look at it
			v.required(fmt.Sprintf("audience[%d]", n), name, oauth.MaxAudienceID)
		}
	}
}

// label wants text that an operator's terminal can show.
func (v *violations) label(field, value string, limit int) {
	v.bounded(field, value, limit)
	if strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
		v.add(field, "must not have control characters")
	}
}

func (v *violations) endUser(u *signetv1.EndUser) {
	v.bounded("end_user.ip", u.GetIp(), maxIP)
	v.bounded("end_user.user_agent", u.GetUserAgent(), maxUserAgent)
	v.label("end_user.device_label", u.GetDeviceLabel(), maxDeviceLabel)
}

func validateLogin(r *signetv1.LoginRequest) error {
	var v violations
	v.required("username", r.GetUsername(), maxUsername)
	v.required("password", r.GetPassword(), maxPassword)
	v.audience(r.GetAudience())
	v.bounded("scope", r.GetScope(), oauth.MaxScope)
	v.endUser(r.GetEndUser())
	v.bounded("device_token", r.GetDeviceToken(), maxDeviceToken)
	return v.err()
}

func validateMint(r *signetv1.MintRequest) error {
	var v violations
	v.audience(r.GetAudience())
	v.bounded("scope", r.GetScope(), oauth.MaxScope)
	v.bounded("subject", r.GetSubject(), oauth.MaxSubject)
	if at := r.GetAuthTime(); at != nil && !at.IsValid() {
		v.add("auth_time", "must be a time of the years 1 to 9999")
	}
	if len(r.GetAmr()) > oauth.MaxMethods {
		v.add("amr", fmt.Sprintf("must not have more than %d values", oauth.MaxMethods))
	}
	v.endUser(r.GetEndUser())
	return v.err()
}

// validateChangePassword returns the grant to keep, the zero id if there is none. The length of the new password is the
// issuer's to judge, in words for the person who chose it.
func validateChangePassword(r *signetv1.ChangePasswordRequest) (keep oauth.GrantID, err error) {
	var v violations
	v.required("username", r.GetUsername(), maxUsername)
	v.required("old_password", r.GetOldPassword(), maxPassword)
	v.endUser(r.GetEndUser())
	v.bounded("device_token", r.GetDeviceToken(), maxDeviceToken)
	if text := r.GetKeepGrantId(); text != "" {
		if keep, err = oauth.ParseGrantID(text); err != nil {
			v.add("keep_grant_id", "must be a grant_id")
		}
	}
	return keep, v.err()
}

func validateRefresh(r *signetv1.RefreshRequest) error {
	var v violations
	v.required("refresh_token", r.GetRefreshToken(), oauth.MaxToken)
	v.bounded("scope", r.GetScope(), oauth.MaxScope)
	v.audience(r.GetAudience())
	v.bounded("idempotency_key", r.GetIdempotencyKey(), oauth.MaxIdempotencyKey)
	return v.err()
}

// validateToken is for Revoke and Introspect.
func validateToken(token, hint string) error {
	var v violations
	v.required("token", token, oauth.MaxToken)
	v.bounded("token_type_hint", hint, maxHint)
	return v.err()
}

func validateListGrants(r *signetv1.ListGrantsRequest) error {
	var v violations
	v.required("subject", r.GetSubject(), oauth.MaxSubject)
	v.page(r.GetPageSize(), r.GetPageToken())
	return v.err()
}

func validateRevokeGrant(r *signetv1.RevokeGrantRequest) error {
	var v violations
	v.required("grant_id", r.GetGrantId(), maxGrantID)
	return v.err()
}

func validateRevokeAllGrants(r *signetv1.RevokeAllGrantsRequest) error {
	var v violations
	v.required("subject", r.GetSubject(), oauth.MaxSubject)
	v.bounded("except_grant_id", r.GetExceptGrantId(), maxGrantID)
	return v.err()
}

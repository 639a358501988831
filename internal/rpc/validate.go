package rpc

import (
	"fmt"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/rpc/page"
	"github.com/signetd/signet/internal/rpc/validate"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// The maximum sizes of fields, in bytes. Package oauth has the maximum sizes
// that the HTTP API shares.
const (
	maxHint        = 64
	maxIP          = 64
	maxUserAgent   = 512
	maxDeviceLabel = 256
	maxDeviceToken = 256
	maxGrantID     = 32
)

// checkAudience checks the field audience.
func checkAudience(v *validate.Violations, names []string) {
	if len(names) > oauth.MaxAudiences {
		v.Add("audience", fmt.Sprintf("must not have more than %d values", oauth.MaxAudiences))
		return
	}
	for n, name := range names {
		// Only an invalid audience needs the formatted field name.
		if name == "" || len(name) > oauth.MaxAudienceID {
			v.Required(fmt.Sprintf("audience[%d]", n), name, oauth.MaxAudienceID)
		}
	}
}

// checkEndUser checks the fields of end_user.
func checkEndUser(v *validate.Violations, u *signetv1.EndUser) {
	v.Bounded("end_user.ip", u.GetIp(), maxIP)
	v.Bounded("end_user.user_agent", u.GetUserAgent(), maxUserAgent)
	v.Label("end_user.device_label", u.GetDeviceLabel(), maxDeviceLabel)
}

func validateLogin(r *signetv1.LoginRequest) error {
	var v validate.Violations
	v.Required("username", r.GetUsername(), validate.MaxUsername)
	v.Required("password", r.GetPassword(), validate.MaxPassword)
	checkAudience(&v, r.GetAudience())
	v.Bounded("scope", r.GetScope(), oauth.MaxScope)
	checkEndUser(&v, r.GetEndUser())
	v.Bounded("device_token", r.GetDeviceToken(), maxDeviceToken)
	return v.Err()
}

func validateMint(r *signetv1.MintRequest) error {
	var v validate.Violations
	checkAudience(&v, r.GetAudience())
	v.Bounded("scope", r.GetScope(), oauth.MaxScope)
	v.Bounded("subject", r.GetSubject(), oauth.MaxSubject)
	if at := r.GetAuthTime(); at != nil && !at.IsValid() {
		v.Add("auth_time", "must be a time in the years 1 to 9999")
	}
	if len(r.GetAmr()) > oauth.MaxMethods {
		v.Add("amr", fmt.Sprintf("must not have more than %d values", oauth.MaxMethods))
	}
	v.Claims("claims", r.GetClaims())
	checkEndUser(&v, r.GetEndUser())
	return v.Err()
}

// validateChangePassword returns the id of the grant that is not revoked, or
// the zero id. The login package checks the new password, since its error is a
// sentence for the user.
func validateChangePassword(r *signetv1.ChangePasswordRequest) (keep oauth.GrantID, err error) {
	var v validate.Violations
	v.Required("username", r.GetUsername(), validate.MaxUsername)
	v.Required("old_password", r.GetOldPassword(), validate.MaxPassword)
	checkEndUser(&v, r.GetEndUser())
	v.Bounded("device_token", r.GetDeviceToken(), maxDeviceToken)
	if text := r.GetKeepGrantId(); text != "" {
		if keep, err = oauth.ParseGrantID(text); err != nil {
			v.Add("keep_grant_id", "must be a grant_id")
		}
	}
	return keep, v.Err()
}

func validateRefresh(r *signetv1.RefreshRequest) error {
	var v validate.Violations
	v.Token("refresh_token", r.GetRefreshToken())
	v.Bounded("scope", r.GetScope(), oauth.MaxScope)
	checkAudience(&v, r.GetAudience())
	v.Bounded("idempotency_key", r.GetIdempotencyKey(), oauth.MaxIdempotencyKey)
	return v.Err()
}

// validateToken checks the fields of Revoke and Introspect.
func validateToken(token, hint string) error {
	var v validate.Violations
	v.Token("token", token)
	v.Bounded("token_type_hint", hint, maxHint)
	return v.Err()
}

func validateListGrants(r *signetv1.ListGrantsRequest) error {
	var v validate.Violations
	v.Required("subject", r.GetSubject(), oauth.MaxSubject)
	page.Validate(&v, r.GetPageSize(), r.GetPageToken())
	return v.Err()
}

func validateRevokeGrant(r *signetv1.RevokeGrantRequest) error {
	var v validate.Violations
	v.Required("grant_id", r.GetGrantId(), maxGrantID)
	return v.Err()
}

func validateRevokeAllGrants(r *signetv1.RevokeAllGrantsRequest) error {
	var v validate.Violations
	v.Required("subject", r.GetSubject(), oauth.MaxSubject)
	v.Bounded("except_grant_id", r.GetExceptGrantId(), maxGrantID)
	return v.Err()
}

package oauth

import "slices"

// AMRPassword is the authentication method of a password (RFC 8176 §2).
const AMRPassword = "pwd"

// acrPassword is the level of assurance of a password: level 1 of
// ISO/IEC 29115.
const acrPassword = "1"

// ACR returns the level of assurance of an authentication by these methods, for
// the acr claim. It is empty if the methods have no level.
func ACR(amr []string) string {
	if slices.Contains(amr, AMRPassword) {
		return acrPassword
	}
	return ""
}

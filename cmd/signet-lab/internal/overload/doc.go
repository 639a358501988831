// Package overload measures how many logins an issuer loses when its clients
// ask for more signatures than its processor time allows.
package overload

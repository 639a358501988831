// Package strangers measures whether an issuer with little memory answers an
// honest client while strangers open connections and begin calls that they
// never complete.
package strangers

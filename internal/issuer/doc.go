// Package issuer is the verbs on tokens and grants: Login, Refresh, Revoke, Introspect, one file each. It promises no
// compatibility to importers.
package issuer

// Package reference is a server that does only the work that no issuer can
// avoid. The issuer's speed is compared with it.
package reference

package oauth

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"log/slog"
)

// A Digest is the hash of a secret, or a MAC. Equal is its only comparison: the
// operator == does not compile. It is never printed or logged. The zero Digest
// has no bytes.
type Digest struct{ sum []byte }

// NewDigest returns a Digest of the bytes sum. It keeps sum.
func NewDigest(sum []byte) Digest { return Digest{sum} }

// Equal reports whether both have the same bytes. Its duration depends only on
// their lengths.
func (d Digest) Equal(other Digest) bool { return subtle.ConstantTimeCompare(d.sum, other.sum) == 1 }

// IsZero reports whether the Digest has no bytes.
func (d Digest) IsZero() bool { return len(d.sum) == 0 }

// Bytes returns the bytes, to be stored or sent. Equal compares them.
func (d Digest) Bytes() []byte { return d.sum }

// Format writes the word "digest", whatever the verb is.
func (d Digest) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("digest")) }

// LogValue returns the word "digest".
func (d Digest) LogValue() slog.Value { return slog.StringValue("digest") }

// MarshalJSON returns the bytes in base64, and null for the zero Digest.
func (d Digest) MarshalJSON() ([]byte, error) { return json.Marshal(d.sum) }

// UnmarshalJSON decodes the JSON of MarshalJSON.
func (d *Digest) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &d.sum) }

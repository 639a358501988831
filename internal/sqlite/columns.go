package sqlite

import (
	"bytes"
	"database/sql/driver"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
)

// The types of this file convert between a field and its column. Each holds a
// pointer to the field: Scan writes the field, Value reads it.

// at is a time in microseconds since the Unix epoch. NULL is the zero time.
type at struct{ *time.Time }

// Value implements driver.Valuer.
func (c at) Value() (driver.Value, error) {
	if c.Time.IsZero() {
		return nil, nil
	}
	return c.UnixMicro(), nil
}

// Scan implements sql.Scanner.
func (c at) Scan(column any) error {
	switch micros := column.(type) {
	case nil:
		*c.Time = time.Time{}
	case int64:
		*c.Time = time.UnixMicro(micros).UTC()
	default:
		return fmt.Errorf("the column of a time has the type %T", column)
	}
	return nil
}

// inSeconds is a duration in whole seconds.
type inSeconds struct{ *time.Duration }

// Value implements driver.Valuer.
func (c inSeconds) Value() (driver.Value, error) { return int64(*c.Duration / time.Second), nil }

// Scan implements sql.Scanner.
func (c inSeconds) Scan(column any) error {
	seconds, ok := column.(int64)
	if !ok {
		return fmt.Errorf("the column of a duration has the type %T", column)
	}
	*c.Duration = time.Duration(seconds) * time.Second
	return nil
}

// inBytes is a grant id as 16 bytes.
type inBytes struct{ *oauth.GrantID }

// Value implements driver.Valuer.
func (c inBytes) Value() (driver.Value, error) { return c.GrantID[:], nil }

// Scan implements sql.Scanner.
func (c inBytes) Scan(column any) error {
	id, ok := column.([]byte)
	if !ok || len(id) != len(c.GrantID) {
		return fmt.Errorf("the column of a grant id has the type %T or another length", column)
	}
	copy(c.GrantID[:], id)
	return nil
}

// orNull is a grant id as 16 bytes. NULL is the zero id.
type orNull struct{ *oauth.GrantID }

// Value implements driver.Valuer.
func (c orNull) Value() (driver.Value, error) {
	if *c.GrantID == (oauth.GrantID{}) {
		return nil, nil
	}
	return inBytes(c).Value()
}

// inDigest is a digest as its bytes. NULL is the zero digest.
type inDigest struct{ *oauth.Digest }

// Value implements driver.Valuer.
func (c inDigest) Value() (driver.Value, error) { return c.Bytes(), nil }

// Scan implements sql.Scanner.
func (c inDigest) Scan(column any) error {
	sum, ok := column.([]byte)
	if !ok && column != nil {
		return fmt.Errorf("the column of a digest has the type %T", column)
	}
	*c.Digest = oauth.NewDigest(bytes.Clone(sum))
	return nil
}

// spaceSeparated is a scope as its tokens with a space between them (RFC 6749
// §3.3).
type spaceSeparated struct{ *oauth.Scope }

// Value implements driver.Valuer.
func (c spaceSeparated) Value() (driver.Value, error) { return c.Scope.String(), nil }

// Scan implements sql.Scanner.
func (c spaceSeparated) Scan(column any) error {
	text, ok := column.(string)
	if !ok {
		return fmt.Errorf("the column of a scope has the type %T", column)
	}
	*c.Scope = oauth.NewScope(strings.Fields(text)...)
	return nil
}

// inJSON is any value as JSON. It holds a pointer to the value.
type inJSON struct{ value any }

// Value implements driver.Valuer.
func (c inJSON) Value() (driver.Value, error) {
	text, err := json.Marshal(c.value)
	return string(text), err
}

// Scan implements sql.Scanner.
func (c inJSON) Scan(column any) error {
	text, ok := column.(string)
	if !ok {
		return fmt.Errorf("the column of JSON has the type %T", column)
	}
	return json.Unmarshal([]byte(text), c.value)
}

// optionalClaims are claims as JSON. NULL is no claims.
type optionalClaims struct{ claims *map[string]any }

// Value implements driver.Valuer.
func (c optionalClaims) Value() (driver.Value, error) {
	if len(*c.claims) == 0 {
		return nil, nil
	}
	return inJSON{*c.claims}.Value()
}

// Scan implements sql.Scanner.
func (c optionalClaims) Scan(column any) error {
	if column == nil {
		*c.claims = nil
		return nil
	}
	return inJSON{c.claims}.Scan(column)
}

// inHash is a hash as eight bytes.
type inHash struct{ *revocation.Hash }

// Value implements driver.Valuer.
func (c inHash) Value() (driver.Value, error) {
	return binary.BigEndian.AppendUint64(nil, uint64(*c.Hash)), nil
}

// Scan implements sql.Scanner.
func (c inHash) Scan(column any) error {
	key, ok := column.([]byte)
	if !ok || len(key) != 8 {
		return fmt.Errorf("the column of a hash has the type %T or another length", column)
	}
	*c.Hash = revocation.Hash(binary.BigEndian.Uint64(key))
	return nil
}

// inMicros is a duration in microseconds.
type inMicros struct{ *time.Duration }

// Value implements driver.Valuer.
func (c inMicros) Value() (driver.Value, error) { return c.Microseconds(), nil }

// Scan implements sql.Scanner.
func (c inMicros) Scan(column any) error {
	micros, ok := column.(int64)
	if !ok {
		return fmt.Errorf("the column of a duration has the type %T", column)
	}
	*c.Duration = time.Duration(micros) * time.Microsecond
	return nil
}

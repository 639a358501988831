package postgres

import (
	"bytes"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"github.com/signetd/signet/internal/oauth"
)

// The types of this file convert between a field and its column.

// at converts a time. NULL is the zero time.
func at(t *time.Time) *zeronull.Timestamptz { return (*zeronull.Timestamptz)(t) }

// inSeconds is a duration in whole seconds.
type inSeconds time.Duration

// Int64Value implements pgtype.Int64Valuer.
func (d inSeconds) Int64Value() (pgtype.Int8, error) {
	return pgtype.Int8{Int64: int64(time.Duration(d) / time.Second), Valid: true}, nil
}

// ScanInt64 implements pgtype.Int64Scanner.
func (d *inSeconds) ScanInt64(column pgtype.Int8) error {
	*d = inSeconds(time.Duration(column.Int64) * time.Second)
	return nil
}

// inBytes is a digest as its bytes. NULL is the zero digest.
type inBytes oauth.Digest

// BytesValue implements pgtype.BytesValuer.
func (d inBytes) BytesValue() ([]byte, error) { return oauth.Digest(d).Bytes(), nil }

// ScanBytes implements pgtype.BytesScanner. The column is valid only during the
// call.
func (d *inBytes) ScanBytes(column []byte) error {
	*d = inBytes(oauth.NewDigest(bytes.Clone(column)))
	return nil
}

// spaceSeparated is a scope as its tokens with a space between them (RFC 6749
// §3.3).
type spaceSeparated oauth.Scope

// TextValue implements pgtype.TextValuer.
func (s spaceSeparated) TextValue() (pgtype.Text, error) {
	return pgtype.Text{String: oauth.Scope(s).String(), Valid: true}, nil
}

// ScanText implements pgtype.TextScanner.
func (s *spaceSeparated) ScanText(column pgtype.Text) error {
	*s = spaceSeparated(oauth.NewScope(strings.Fields(column.String)...))
	return nil
}

// arrayText returns the text form of an array of texts.
func arrayText(list []string) string {
	quoted := make([]string, len(list))
	for i, text := range list {
		quoted[i] = `"` + quoteInArray.Replace(text) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}

var quoteInArray = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// inJSON is any value as JSON. It holds a pointer to the value.
type inJSON struct{ value any }

// Value implements driver.Valuer.
func (c inJSON) Value() (driver.Value, error) {
	text, err := json.Marshal(c.value)
	return string(text), err
}

// Scan implements sql.Scanner.
func (c inJSON) Scan(column any) error {
	text, ok := column.([]byte)
	if !ok {
		return fmt.Errorf("the column of JSON has the type %T", column)
	}
	return json.Unmarshal(text, c.value)
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

package postgres

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"github.com/signetd/signet/internal/oauth"
)

// at stands between a time and its column, in both directions; NULL is the zero time.
func at(t *time.Time) *zeronull.Timestamptz { return (*zeronull.Timestamptz)(t) }

// seconds stands between a duration and a column of whole seconds.
type seconds time.Duration

// Int64Value returns what the column holds.
func (d seconds) Int64Value() (pgtype.Int8, error) {
	return pgtype.Int8{Int64: int64(time.Duration(d) / time.Second), Valid: true}, nil
}

// ScanInt64 reads what the column holds.
func (d *seconds) ScanInt64(column pgtype.Int8) error {
	*d = seconds(time.Duration(column.Int64) * time.Second)
	return nil
}

// words stands between a scope and a column that has its tokens with a space between them.
type words oauth.Scope

// TextValue returns what the column holds.
func (w words) TextValue() (pgtype.Text, error) {
	return pgtype.Text{String: oauth.Scope(w).String(), Valid: true}, nil
}

// ScanText reads what the column holds.
func (w *words) ScanText(column pgtype.Text) error {
	*w = words(oauth.NewScope(strings.Fields(column.String)...))
	return nil
}

// inJSON stands between whatever its pointer points to and a column of JSON.
type inJSON struct{ value any }

// Value returns what the column holds.
func (c inJSON) Value() (driver.Value, error) {
	text, err := json.Marshal(c.value)
	return string(text), err
}

// Scan reads what the column holds.
func (c inJSON) Scan(column any) error {
	text, ok := column.([]byte)
	if !ok {
		return fmt.Errorf("JSON arrives as %T", column)
	}
	return json.Unmarshal(text, c.value)
}

// ifAny is claims as JSON; NULL is none.
type ifAny struct{ claims *map[string]any }

// Value returns what the column holds.
func (c ifAny) Value() (driver.Value, error) {
	if len(*c.claims) == 0 {
		return nil, nil
	}
	return inJSON{*c.claims}.Value()
}

// Scan reads what the column holds.
func (c ifAny) Scan(column any) error {
	if column == nil {
		*c.claims = nil
		return nil
	}
	return inJSON{c.claims}.Scan(column)
}

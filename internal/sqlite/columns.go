package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// The types here stand between a field and its column, in both directions: each holds a pointer that is written through
// when a row is read, and read through when a row is written.

// at is a time in microseconds since the Unix epoch; NULL is the zero time.
type at struct{ *time.Time }

// Value returns what the column holds.
func (c at) Value() (driver.Value, error) {
	if c.Time.IsZero() {
		return nil, nil
	}
	return c.UnixMicro(), nil
}

// Scan reads what the column holds.
func (c at) Scan(column any) error {
	switch micros := column.(type) {
	case nil:
		*c.Time = time.Time{}
	case int64:
		*c.Time = time.UnixMicro(micros).UTC()
	default:
		return fmt.Errorf("a time is stored as %T", column)
	}
	return nil
}

// inSeconds is a duration in whole seconds.
type inSeconds struct{ *time.Duration }

// Value returns what the column holds.
func (c inSeconds) Value() (driver.Value, error) { return int64(*c.Duration / time.Second), nil }

// Scan reads what the column holds.
func (c inSeconds) Scan(column any) error {
	seconds, ok := column.(int64)
	if !ok {
		return fmt.Errorf("a duration is stored as %T", column)
	}
	*c.Duration = time.Duration(seconds) * time.Second
	return nil
}

// inBytes is a grant's id as 16 bytes.
type inBytes struct{ *oauth.GrantID }

// Value returns what the column holds.
func (c inBytes) Value() (driver.Value, error) { return c.GrantID[:], nil }

// Scan reads what the column holds.
func (c inBytes) Scan(column any) error {
	id, ok := column.([]byte)
	if !ok || len(id) != len(c.GrantID) {
		return fmt.Errorf("a grant's id is stored as %T of another length", column)
	}
	copy(c.GrantID[:], id)
	return nil
}

// inWords is a scope as its tokens with a space between them.
type inWords struct{ *oauth.Scope }

// Value returns what the column holds.
func (c inWords) Value() (driver.Value, error) { return c.Scope.String(), nil }

// Scan reads what the column holds.
func (c inWords) Scan(column any) error {
	text, ok := column.(string)
	if !ok {
		return fmt.Errorf("a scope is stored as %T", column)
	}
	*c.Scope = oauth.NewScope(strings.Fields(text)...)
	return nil
}

// inJSON is whatever its pointer points to, as JSON.
type inJSON struct{ value any }

// Value returns what the column holds.
func (c inJSON) Value() (driver.Value, error) {
	text, err := json.Marshal(c.value)
	return string(text), err
}

// Scan reads what the column holds.
func (c inJSON) Scan(column any) error {
	text, ok := column.(string)
	if !ok {
		return fmt.Errorf("JSON is stored as %T", column)
	}
	return json.Unmarshal([]byte(text), c.value)
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

// querier is what a pool and a transaction have in common.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// collect reads all rows of a query. fields returns where the columns of a row go.
func collect[T any](ctx context.Context, db querier, fields func(*T) []any, query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	var all []T
	for rows.Next() {
		var one T
		if err := rows.Scan(fields(&one)...); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

package postgres

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/signetd/signet/internal/oauth"
)

// wrap names the operation in an error. It returns nil for nil.
func wrap(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", operation, err)
}

// noRows returns oauth.NotFound if a statement found no row, and every other
// error unchanged.
func noRows(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return oauth.NotFound
	}
	return err
}

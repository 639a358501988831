package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signetd/signet/internal/oauth"
)

// wrap names the operation in an error. It returns nil for nil.
func wrap(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", operation, err)
}

// ErrRefusedURL is the error of Open if the server refuses a parameter of the
// URL. It refuses each later connection, too.
var ErrRefusedURL = errors.New("the database refuses a parameter of the URL")

// openError returns the error of Open, with ErrRefusedURL if that is the cause.
func openError(err error) error {
	if failed, ok := errors.AsType[*pgconn.PgError](err); ok && refusesURL(failed) {
		return fmt.Errorf("open database: %w: %w", ErrRefusedURL, err)
	}
	return fmt.Errorf("open database: %w", err)
}

// refusesURL reports whether an error means that a parameter is unknown to the
// server or has an invalid value. PgBouncer has one code for all its errors.
func refusesURL(failed *pgconn.PgError) bool {
	switch failed.Code {
	case "42704", "22023", "55P02": // undefined_object, invalid_parameter_value, cant_change_runtime_param
		return true
	case "08P01": // protocol_violation
		return strings.HasPrefix(failed.Message, "unsupported startup parameter")
	}
	return false
}

// noRows returns oauth.NotFound if a statement found no row, and every other
// error unchanged.
func noRows(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return oauth.NotFound
	}
	return err
}

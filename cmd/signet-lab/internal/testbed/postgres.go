package testbed

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// CreateDatabase creates an empty database and returns its URL.
func (b *Testbed) CreateDatabase(ctx context.Context, name string) (string, error) {
	if err := Exec(ctx, b.postgres.String(), "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	u := *b.postgres
	u.Path = "/" + name
	return u.String(), nil
}

// Exec executes SQL statements in the database with that URL.
func Exec(ctx context.Context, database string, statements ...string) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // all results have been read

	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%.60s…: %w", statement, err)
		}
	}
	return nil
}

// QueryNumber executes an SQL query that returns one number.
func QueryNumber(ctx context.Context, database, query string, args ...any) (n float64, err error) {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // all results have been read

	err = conn.QueryRow(ctx, query, args...).Scan(&n)
	return n, err
}

package apply

import (
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/signetd/signet/internal/client"
)

// A kind is audiences or clients.
type kind[T client.Client | client.Audience] struct {
	// name is "audience" or "client".
	name   string
	id     func(T) string
	fields []field[T]
}

// A record is a client or an audience as the file describes it.
type record[T client.Client | client.Audience] struct {
	line int
	// value has the fields of the file. Its times and secrets are not set.
	value    T
	disabled bool
	// secretFile is the path of the file with the client's secret, and secret
	// its content. secret is empty if the file does not exist, or if it cannot
	// be used; then badSecret is set.
	secretFile, secret string
	badSecret          bool
	// faulty is set if the record has a fault. Then value is incomplete.
	faulty bool
}

type (
	anAudience = record[client.Audience]
	aClient    = record[client.Client]
)

// A field is a field of a record, with the name that it has in the JSON output
// of the commands.
type field[T client.Client | client.Audience] struct {
	name string
	// read reads the value in the file. It is nil for a field within another
	// one, such as browser.way.
	read func(r *reader, n *yaml.Node, to *record[T])
	// value returns the value, and nil for the default. It is nil for a field
	// that is compared and exported with another name.
	value func(T) any
}

// text returns a value of a field, and nil for the empty one.
func text(value string) any {
	if value == "" {
		return nil
	}
	return value
}

// list is text for a list.
func list(values []string) any {
	if len(values) == 0 {
		return nil
	}
	return values
}

// flag is text for a truth value.
func flag(is bool) any {
	if !is {
		return nil
	}
	return true
}

// duration is text for a duration.
func duration(d time.Duration) any {
	if d == 0 {
		return nil
	}
	return d.String()
}

// durationIf is duration for a field whose zero is not the default.
func durationIf(d *time.Duration) any {
	if d == nil {
		return nil
	}
	return d.String()
}

// numberIf is durationIf for a number.
func numberIf(n *int) any {
	if n == nil {
		return nil
	}
	return *n
}

package config

import (
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/signetd/signet/keys"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	sizeType     = reflect.TypeFor[Size]()
	secretType   = reflect.TypeFor[Secret]()
	prefixesType = reflect.TypeFor[Prefixes]()
)

// parse converts text to a value of type t. All sources share its grammar. If
// the text is not valid, wanted describes valid text; otherwise wanted is
// empty.
func parse(text string, t reflect.Type) (value any, wanted string) {
	var ok bool
	switch {
	case t == durationType:
		value, ok = parseDuration(text)
		wanted = "a duration with its unit, such as 90s, 10m or 720h"
	case t == sizeType:
		value, ok = parseSize(text)
		wanted = "a size with its unit (B, KiB, MiB, GiB), such as 19MiB"
	case t == secretType:
		return Secret(text), ""
	case t == prefixesType:
		value, ok = parsePrefixes(text)
		wanted = "addresses and networks separated by commas, such as 10.0.0.0/8, ::1, " +
			"with no bits set after the prefix"
	case t.Kind() == reflect.Int:
		n, err := strconv.Atoi(text)
		value, ok, wanted = n, err == nil, "a whole number"
	case t.Kind() == reflect.Bool:
		value, ok, wanted = text == "true", text == "true" || text == "false", "true or false"
	case t.Kind() == reflect.String:
		return text, ""
	default:
		wanted = fmt.Sprintf("a supported type instead of %s", t)
	}
	if ok {
		wanted = ""
	}
	return value, wanted
}

// plain returns a value in the form of signet.yaml: a string, an int, a bool or
// a list of strings. It hides secrets.
func plain(v reflect.Value) any {
	switch value := v.Interface().(type) {
	case time.Duration:
		return keys.FormatDuration(value)
	case Prefixes:
		return value.list()
	case fmt.Stringer:
		return value.String()
	default:
		return value
	}
}

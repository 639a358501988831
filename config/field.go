package config

import "reflect"

// A field is one key of the configuration and the struct field that holds its
// value.
type field struct {
	key   string // such as http.address
	value reflect.Value
}

// fields returns all keys in the order of the struct.
func fields(c *Config) []field { return appendFields(nil, "", reflect.ValueOf(c).Elem()) }

func appendFields(all []field, prefix string, section reflect.Value) []field {
	for f, value := range section.Fields() {
		name := f.Tag.Get("yaml")
		switch {
		case name == "-":
		case value.Kind() == reflect.Struct:
			all = appendFields(all, prefix+name+".", value)
		default:
			all = append(all, field{prefix + name, value})
		}
	}
	return all
}

// A setting is the text that one source has for one key.
type setting struct {
	key, text, origin string
}

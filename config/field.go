package config

import (
	"reflect"
	"strings"
)

// A leaf is one key of the configuration, and the field that holds its value.
type leaf struct {
	key   string // such as http.address
	value reflect.Value
}

// leaves returns all keys, in the order of the struct.
func leaves(c *Config) []leaf { return appendLeaves(nil, "", reflect.ValueOf(c).Elem()) }

func appendLeaves(all []leaf, prefix string, section reflect.Value) []leaf {
	for field, value := range section.Fields() {
		name := field.Tag.Get("yaml")
		switch {
		case name == "-":
		case value.Kind() == reflect.Struct:
			all = appendLeaves(all, prefix+name+".", value)
		default:
			all = append(all, leaf{prefix + name, value})
		}
	}
	return all
}

// What an environment variable of ours begins with, those that only the tests read, and how those end that name the file in
// which a secret lies.
const (
	envPrefix     = "SIGNET_"
	envTestPrefix = "SIGNET_TEST_"
	envFileSuffix = "_FILE"
)

// envName returns the environment variable of a key: SIGNET_HTTP_ADDRESS.
func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

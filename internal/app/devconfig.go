package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/signetd/signet/config"
)

// LoadDev returns the configuration of `serve --dev`. It fills in values for
// required keys that nothing sets.
func LoadDev(s config.Sources) (config.Config, error) {
	s.Dev = map[string]string{"issuer": "http://localhost", "log.format": "text"} // until the address is known
	cfg, err := config.Load(s)
	if err != nil {
		return cfg, err
	}
	s.Warn = nil // the first call has warned
	s.Dev = map[string]string{
		"issuer":          devIssuer(cfg),
		"grpc.reflection": "true", "gateway.address": "127.0.0.1:8082", "shutdown.drain": "0s", "log.format": "text",
	}
	return config.Load(s)
}

// devIssuer returns the issuer identifier of `serve --dev`: the URL of the HTTP
// API. A Unix socket has none.
func devIssuer(c config.Config) string {
	if _, ok := config.UnixPath(c.HTTP.Address); ok {
		return "http://localhost"
	}
	return urlScheme(c.TLS) + DialAddress(c.HTTP.Address)
}

// settings returns the configuration by key, with values as a file spells them.
// It leaves out values that must stay hidden.
func settings(c config.Config) (map[string]any, error) {
	sections, err := c.Redacted()
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	for name, value := range sections {
		section, ok := value.(map[string]any)
		if !ok {
			values[name] = value
		}
		for key, value := range section {
			values[name+"."+key] = value
		}
	}
	if values["store.url"] != string(c.Store.URL) {
		delete(values, "store.url")
	}
	return values, nil
}

// devYAML returns the text of config.DevFile: all values that are not defaults,
// whatever set them, so that the file is complete by itself.
func devYAML(c config.Config, values map[string]any) []byte {
	text, last := "# signet serve --dev writes this file at each start. Not for production.\n", ""
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if c.Origins[key] == config.FromDefault {
			continue
		}
		value, err := json.Marshal(values[key]) // JSON is YAML
		if err != nil {
			continue // impossible: all values are text, numbers and booleans
		}
		section, name, ok := strings.Cut(key, ".")
		switch {
		case !ok:
			text += fmt.Sprintf("%s: %s\n", key, value)
		case section != last:
			text += section + ":\n"
			fallthrough
		default:
			text += fmt.Sprintf("  %s: %s\n", name, value)
		}
		last = section
	}
	return []byte(text)
}

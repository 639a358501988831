package main

import (
	"errors"
	"os"
	"strings"

	"github.com/signetd/signet/config"
)

// sources are where every command's configuration comes from.
func (p *program) sources() (config.Sources, error) {
	s := config.Sources{File: p.configFile, Env: os.Environ(), Flags: map[string]string{}}
	for _, given := range p.settings {
		key, value, ok := strings.Cut(given, "=")
		if !ok {
			return s, usageError("--set wants KEY=VALUE")
		}
		s.Flags[key] = value
	}
	return s, nil
}

// load returns the configuration of a command that works beside the servers: that of `serve --dev` if there is no other.
func (p *program) load() (config.Config, error) {
	s, err := p.sources()
	if err != nil {
		return config.Config{}, err
	}
	s.DevFile = true
	return loadFrom(s)
}

// loadClient returns the configuration of a command that only calls an issuer, and so need not know its identifier.
func (p *program) loadClient() (config.Config, error) {
	s, err := p.sources()
	if err != nil {
		return config.Config{}, err
	}
	s.DevFile, s.Dev = true, map[string]string{"issuer": "http://localhost"}
	return loadFrom(s)
}

// loadFrom tells all faults, a line each.
func loadFrom(s config.Sources) (config.Config, error) {
	cfg, err := config.Load(s)
	var faults interface{ Unwrap() []error }
	if errors.As(err, &faults) {
		err = errors.New("the configuration is not complete and right:\n  " + strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	return cfg, err
}

package cli

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/app"
)

// sources returns where the configuration of every command comes from.
func (p *program) sources() (config.Sources, error) {
	s := config.Sources{
		File: p.configFile, Env: os.Environ(), Flags: map[string]string{},
		Warn: func(text string) { p.warnings = append(p.warnings, printable(text)) },
	}
	for _, setting := range p.settings {
		key, value, ok := strings.Cut(setting, "=")
		if !ok {
			return s, usageError("--set must be KEY=VALUE")
		}
		s.Flags[key] = value
	}
	return s, nil
}

// load returns the configuration of a command that uses the store. Without
// another configuration it is that of `serve --dev`.
func (p *program) load() (config.Config, error) {
	s, err := p.sources()
	if err != nil {
		return config.Config{}, err
	}
	s.DevFile = true
	cfg, err := config.Load(s)
	printWarnings(p.err, p.warnings)
	return cfg, indentFaults(err)
}

// loadClient returns the configuration of a command that only calls an issuer.
// Such a command does not need the issuer identifier.
func (p *program) loadClient() (config.Config, error) {
	s, err := p.sources()
	if err != nil {
		return config.Config{}, err
	}
	s.DevFile, s.Dev = true, map[string]string{"issuer": "http://localhost"}
	cfg, err := config.Load(s)
	printWarnings(p.err, p.warnings)
	return cfg, indentFaults(err)
}

// loadServe returns the configuration of a server. If there is no error, the
// warnings are for its log.
func (p *program) loadServe(dev bool) (config.Config, error) {
	s, err := p.sources()
	if err != nil {
		return config.Config{}, err
	}
	load := config.Load
	if dev {
		load = app.LoadDev
	}
	cfg, err := load(s)
	p.useServerLog(cfg.Log.Format)
	if err != nil {
		p.reportWarnings()
	}
	return cfg, indentFaults(err)
}

// useServerLog sets p.log to a log in JSON if this is the format of the
// server's log. People at a terminal get text.
func (p *program) useServerLog(format string) {
	stderr, isFile := p.err.(*os.File)
	if isFile && term.IsTerminal(int(stderr.Fd())) {
		return
	}
	if format == "json" {
		p.log = app.NewJSONLog(p.err)
	}
}

// reportWarnings reports the warnings of a server that does not start.
func (p *program) reportWarnings() {
	if p.log == nil {
		printWarnings(p.err, p.warnings)
		return
	}
	for _, warning := range p.warnings {
		p.log.Warn(ignoredInput, "cause", warning)
	}
}

// A faultsError is an error of config.Load.
type faultsError []string

// Error returns each fault on a line of its own, indented.
func (e faultsError) Error() string { return "invalid configuration:\n  " + strings.Join(e, "\n  ") }

// indentFaults returns a faultsError for the faults of config.Load, and every
// other error as it is.
func indentFaults(err error) error {
	var faults interface{ Unwrap() []error }
	if !errors.As(err, &faults) {
		return err
	}
	var lines faultsError
	for _, fault := range faults.Unwrap() {
		lines = append(lines, fault.Error())
	}
	return lines
}

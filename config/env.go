package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// variable returns the last value that a variable has in the environment; empty if it has none.
func (s Sources) variable(name string) string {
	for _, pair := range slices.Backward(s.Env) {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// xdgConfigHome returns the folder of a user's configuration files (XDG Base Directory Specification); empty if the
// environment names none.
func (s Sources) xdgConfigHome() string {
	if dir := s.variable("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	if home := s.variable("HOME"); home != "" {
		return filepath.Join(home, ".config")
	}
	return ""
}

// fromEnv returns the settings that the environment makes, and what is wrong with its names.
func (s Sources) fromEnv(all []leaf) ([]setting, []fault) {
	var settings []setting
	var faults []fault
	known := map[string]bool{}
	for _, l := range all {
		name, file := envName(l.key), envName(l.key)+envFileSuffix
		known[name] = true
		text, path := s.variable(name), ""
		if l.value.Type() == secretType {
			known[file] = true
			path = s.variable(file)
		}
		switch {
		case path != "" && text != "":
			faults = append(faults, fault{l.key, "is given by " + name + " and by " + file, "one of them", ""})
		case path != "":
			secret, err := s.secret(path)
			if err != nil {
				faults = append(faults, fault{l.key, "cannot be read: " + err.Error(), "the path of a file that holds it", file})
				continue
			}
			settings = append(settings, setting{l.key, secret, file})
		case text != "":
			settings = append(settings, setting{l.key, text, name})
		}
	}
	return settings, append(faults, s.strangers(known)...)
}

// secret reads the file that holds a secret, without the line's end. An empty one is an error: it is no choice of anybody's.
func (s Sources) secret(path string) (string, error) {
	text, err := s.read(path)
	secret := strings.TrimRight(string(text), "\r\n")
	if err == nil && secret == "" {
		err = fmt.Errorf("%s is empty", path)
	}
	return secret, err
}

// strangers returns a fault for each variable that looks like ours and is not.
func (s Sources) strangers(known map[string]bool) []fault {
	var faults []fault
	for _, pair := range slices.Sorted(slices.Values(s.Env)) {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || strings.HasPrefix(name, envTestPrefix) || known[name] || serviceLink(name, value) {
			continue
		}
		faults = append(faults, fault{
			fmt.Sprintf("%q", name), "is not a variable of Signet", "the name of a key such as " + envName("http.address"), "the environment",
		})
	}
	return faults
}

// Kubernetes puts such variables for every Service (one named signet, or signet-grpc) into the pods beside it.
var (
	serviceNames = regexp.MustCompile(`_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$`)
	serviceURL   = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)

func serviceLink(name, value string) bool {
	return serviceNames.MatchString(name) || strings.HasSuffix(name, "_PORT") && serviceURL.MatchString(value)
}

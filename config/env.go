package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	// envPrefix begins the name of every environment variable of Signet.
	envPrefix = "SIGNET_"
	// envTestPrefix begins the names of the variables that only tests read.
	envTestPrefix = "SIGNET_TEST_"
	// envFileSuffix ends the name of a variable that holds the path of a file
	// with a secret.
	envFileSuffix = "_FILE"
)

// envName returns the name of the environment variable for a key, such as
// SIGNET_HTTP_ADDRESS for http.address.
func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// variable returns the value of an environment variable, or "" if it is not
// set. If a variable occurs more than once, the last value counts.
func (s Sources) variable(name string) string {
	for _, pair := range slices.Backward(s.Env) {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// fromEnv returns the settings from the environment. It returns a fault for
// each variable that has an unknown name or that it cannot read.
func (s Sources) fromEnv(all []field) ([]setting, []fault) {
	var settings []setting
	var faults []fault
	known := map[string]bool{}
	for _, f := range all {
		name, file := envName(f.key), envName(f.key)+envFileSuffix
		known[name] = true
		text, path := s.variable(name), ""
		if f.value.Type() == secretType {
			known[file] = true
			path = s.variable(file)
		}

		switch {
		case path != "" && text != "":
			faults = append(faults, newFault(f.key, "is set by both "+name+" and "+file, "only one of them", ""))
		case path != "":
			secret, err := s.secret(path)
			if err != nil {
				problem := "cannot be read: " + err.Error()
				faults = append(faults, newFault(f.key, problem, "the path of a file that holds it", file))
				continue
			}
			settings = append(settings, setting{f.key, secret, file})
		case text != "":
			settings = append(settings, setting{f.key, text, name})
		}
	}
	return settings, append(faults, s.unknownVariables(known)...)
}

// secret reads a secret from a file and removes line breaks from its end. It
// returns an error for an empty secret, because an empty file is a mistake.
func (s Sources) secret(path string) (string, error) {
	text, err := s.read(path)
	secret := strings.TrimRight(string(text), "\r\n")
	if err == nil && secret == "" {
		err = fmt.Errorf("%s is empty", path)
	}
	return secret, err
}

// unknownVariables returns a fault for each variable that begins with SIGNET_
// but is not in known. It ignores test variables and Kubernetes service links.
func (s Sources) unknownVariables(known map[string]bool) []fault {
	var faults []fault
	for _, pair := range slices.Sorted(slices.Values(s.Env)) {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || strings.HasPrefix(name, envTestPrefix) ||
			known[name] || serviceLink(name, value) {
			continue
		}
		faults = append(faults, newFault(fmt.Sprintf("%q", name), "is not a variable of Signet",
			"the name of a key such as "+envName("http.address"), "the environment"))
	}
	return faults
}

// Kubernetes sets variables with these names in all pods of a namespace for
// each Service. A Service named signet or signet-grpc gives them the prefix
// SIGNET_.
var (
	serviceNames = regexp.MustCompile(
		`_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$`)
	serviceURL = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)

// serviceLink reports whether Kubernetes set the variable for a Service.
func serviceLink(name, value string) bool {
	return serviceNames.MatchString(name) || strings.HasSuffix(name, "_PORT") && serviceURL.MatchString(value)
}

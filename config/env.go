package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/signetd/signet/internal/privatefile"
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

// fromEnv returns the settings from the environment. An empty variable is not
// set. fromEnv returns a fault for each variable that it cannot read, and for
// each that is probably a misspelled one.
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
	return settings, append(faults, s.unknownVariables(all, known)...)
}

// secret reads a secret from the first line of a file. It returns an error for
// an empty secret, because an empty file is a mistake.
func (s Sources) secret(path string) (string, error) {
	text, err := s.read(path)
	if err != nil {
		return "", err
	}
	secret, err := privatefile.Line(text)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s %w", path, err)
	case secret == "":
		return "", fmt.Errorf("%s is empty", path)
	}
	if s.ReadFile == nil {
		if exposed := privatefile.Exposed(path); exposed != "" {
			s.warn("%s", exposed)
		}
	}
	return secret, nil
}

// unknownVariables returns a fault for each variable that begins with SIGNET_,
// is not in known, and is probably a misspelled one. Others may use the prefix
// too, so it only warns of the rest. It ignores test variables and Kubernetes
// service links.
func (s Sources) unknownVariables(all []field, known map[string]bool) []fault {
	var faults []fault
	for _, pair := range slices.Sorted(slices.Values(s.Env)) {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case !strings.HasPrefix(name, envPrefix), strings.HasPrefix(name, envTestPrefix), known[name],
			value == "", serviceLink(name, value):
		case misspelled(name, all):
			faults = append(faults, newFault(fmt.Sprintf("%q", name), "is not a variable of Signet",
				"the name of a key such as "+envName("http.address"), "the environment"))
		default:
			s.warn("the environment variable %q is ignored: it is not a variable of Signet", name)
		}
	}
	return faults
}

// misspelled reports whether a name is in one of Signet's sections, such as
// SIGNET_HTTP_PORT, or differs from the name of a key in few letters.
func misspelled(name string, all []field) bool {
	name = strings.ToUpper(name)
	for _, f := range all {
		section, _, ok := strings.Cut(f.key, ".")
		if ok && strings.HasPrefix(name+"_", envName(section)+"_") {
			return true
		}
		if typos := max(2, len(f.key)/5); distance(name, envName(f.key)) <= typos {
			return true
		}
	}
	return false
}

// distance returns how many letters have to be inserted, deleted or replaced to
// turn one text into the other (the Levenshtein distance).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
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

package apply_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/apply"
)

// A value is the text in the file, with quotes and without.
func TestRead_ValuesAreText(t *testing.T) {
	f := newFixture(t)
	f.apply(`
audiences: [{id: 007, scope: on 1e3 null}]
clients: [{id: 2026-01-02, name: yes, audience: [007], scope: "on", refresh_idle: null, grants_per_user: ~}, {id: "~"}]`, true)
	c := f.client("2026-01-02")
	if c.Name != "yes" || c.Audiences[0] != "007" || c.Scope.String() != "on" || c.GrantsPerUser != nil {
		t.Errorf("the client is %+v", c)
	}
	f.client("~")
}

// Editors and other systems write a byte order mark and CRLF.
func TestRead_BytesOfOtherSystems(t *testing.T) {
	f := newFixture(t)
	f.apply("\xef\xbb\xbfclients:\r\n  - id: app\r\n    name: App\r\n", true)
	if name := f.client("app").Name; name != "App" {
		t.Errorf("the name is %q", name)
	}
	f.unchanged(`{"clients": [{"id": "app", "name": "App", "public": false, "audience": [], "scope": ""}]}`)
	_, err := f.compare("\xff\xfec\x00", true)
	if want := f.path("clients.yaml") + " is encoded in UTF-16: save it as UTF-8"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestRead_RefusesOtherDocuments(t *testing.T) {
	f := newFixture(t)
	f.write("jwks.json", `{"keys": []}`, 0o644)
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.Repeat(fmt.Sprintf("*%c, ", c-1), 9))
	}
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	for name, c := range map[string]struct{ text, want string }{
		"empty":        {"", "has neither a list of audiences nor one of clients"},
		"comment":      {"# later", "has neither a list of audiences nor one of clients"},
		"null":         {"~", "1: the file must have the fields audiences, clients"},
		"no list":      {"{}", "1: the file has neither a list of audiences nor one of clients"},
		"null list":    {"clients:", "1: clients must be a list; an empty list is []"},
		"list":         {"[]", "1: the file must have the fields audiences, clients"},
		"other field":  {"clients: []\nusers: []", `2: "users" is not a field; the fields are audiences, clients`},
		"twice":        {"clients: []\nclients: []", "2: clients is set twice"},
		"documents":    {"clients: []\n---\nclients: []", "holds more than one YAML document"},
		"not YAML":     {"clients: [", "did not find expected"},
		"binary":       {"\x00\x01\x02", "control characters are not allowed"},
		"invalid text": {"clients: [{id: \xc3\x28}]", "invalid"},
		"alias":        {"x: &x []\nclients: *x", "2: an alias (*x) is not supported"},
		"bomb":         {bomb, "an alias (*a) is not supported"},
		"merge":        {"clients: [&a {id: a}, {<<: *a}]", "an alias (*a) is not supported"},
		"itself":       {"clients: &a [*a]", "an alias (*a) is not supported"},
		"tag":          {"clients: [{id: !!binary YQ==}]", "1: a tag (!!binary) is not supported"},
		"own tag":      {"clients: !env HOME", "1: a tag (!env) is not supported"},
		"deep":         {strings.Repeat("[", 20_000), "exceeded max depth"},
		"deep values":  {"clients: [{id: a, name: " + deep + "}]", "name must be a text"},
		"large":        {"clients: []" + strings.Repeat(" ", apply.MaxSize), "is larger than 4194304 bytes"},
		"record":       {"clients: [app]", "1: each of the clients must have an id and other fields"},
		"no id":        {"audiences: [{}]", "1: each of the audiences must have an id"},
		"null id":      {"clients: [{id: ~}]", "1: each of the clients must have an id"},
		"list as id":   {"clients: [{id: [a]}]", "1: id must be a text"},
		"terminal":     {`clients: [{id: "a\e[2Jb"}]`, "1: client a?[2Jb: A client id has"},
		"null audience": {
			"clients: [{id: a, audience: [~]}]", "1: client a: audience must be a list of texts",
		},
		"no jwks": {
			"clients: [{id: a, jwks: none}]",
			"1: client a: The JWK Set cannot be used: it is not a JWK Set",
		},
		"two jwks": {
			"clients: [{id: a, jwks: " + jwks + ", jwks_file: jwks.json}]",
			"a client has either jwks or jwks_file",
		},
		"members": {"clients: [{id: a, jwks: {keys: [], keys: []}}]", "1: client a: jwks must be a JWK Set"},
		"no file": {"clients: [{id: a, jwks_file: gone.json}]", "gone.json: no such file or directory"},
		"device":  {"clients: [{id: a, jwks_file: /dev/zero}]", "/dev/zero is not a regular file"},
		"integer": {"clients: [{id: a, grants_per_user: 1.5}]", "1: client a: grants_per_user must be a number"},
		"duration": {
			"clients: [{id: a, leeway: [1s]}]",
			"1: client a: leeway must be a duration such as 90s, 30m or 720h",
		},
		"scope": {"clients: [{id: a, scope: \"a\\tb\"}]", "1: client a: The scope is malformed."},
	} {
		t.Run(name, func(t *testing.T) {
			f := *f
			f.t = t
			_, err := f.compare(c.text, true)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %.300v, want %s", err, c.want)
			}
		})
	}
	if d := f.directory(); d.Version != 0 {
		t.Errorf("the version is %d", d.Version)
	}
}

package config

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// The tests in this file cover inputs that viper or YAML would silently accept
// or change.

func TestLoad_EveryKeyHasItsOwnVariable(t *testing.T) {
	seen := map[string]string{}
	for _, f := range fields(new(Config)) {
		name := envName(f.key)
		if other, ok := seen[name]; ok {
			t.Errorf("%s and %s have the same variable %s", other, f.key, name)
		}
		seen[name] = f.key
		s := sources()
		s.Env = append(s.Env, name+"=\x00 no value for anything")
		_, err := Load(s)
		if err == nil && (f.key == "data_dir" || f.key == "kek.file") {
			continue // any text is a path
		}
		if err == nil || !strings.Contains(err.Error(), f.key+" ") ||
			!strings.Contains(err.Error(), "(from "+name+")") {
			t.Errorf("%s does not set %s: %v", name, f.key, err)
		}
	}
	for name, key := range map[string]string{
		"SIGNET_ISSUER": "issuer", "SIGNET_DATA_DIR": "data_dir", "SIGNET_HTTP_ADDRESS": "http.address",
		"SIGNET_GRPC_REFLECTION": "grpc.reflection", "SIGNET_STORE_URL": "store.url",
		"SIGNET_STORE_MAX_CONNS": "store.max_conns", "SIGNET_KEK_FILE": "kek.file",
		"SIGNET_KEYS_MAX_AGE": "keys.max_age", "SIGNET_TLS_INSECURE_PLAIN_TEXT": "tls.insecure_plain_text",
		"SIGNET_REFRESH_ABSOLUTE_LIFETIME": "refresh.absolute_lifetime",
	} {
		if seen[name] != key {
			t.Errorf("%s sets %q, want %s", name, seen[name], key)
		}
	}
}

func TestLoad_EmptySectionKeepsOtherLayers(t *testing.T) {
	s := sources()
	s.ReadFile = files(map[string]string{"signet.yaml": "keys:\nhttp: ~\nstore: {max_conns: }\ndata_dir: null\n"})
	s.Env = append(s.Env, "SIGNET_HTTP_ADDRESS=127.0.0.1:1")
	s.Flags = map[string]string{"keys.poll_interval": "7s"}
	for range 20 { // viper's result depends on the order of a map
		c := load(t, s)
		if c.HTTP.Address != "127.0.0.1:1" || c.Keys.PollInterval != 7*time.Second || c.Keys.MaxAge != 5*time.Minute ||
			c.Store.MaxConns != 16 || c.DataDir != "./data" {
			t.Fatalf("unexpected configuration: %+v", c)
		}
	}
}

func TestLoad_RejectsValueForSection(t *testing.T) {
	s := sources()
	s.ReadFile = files(map[string]string{
		"signet.yaml": "http: 127.0.0.1:8080\nissuer: {MyApp: x}\nkek: {file: [a, b]}\n",
	})
	s.Env = append(s.Env, "SIGNET_HTTP_ADDRESS=127.0.0.1:1", "SIGNET_KEK_FILE=k")
	for range 20 {
		wantFaults(t, s,
			"http is not a mapping; want the keys address below it (from signet.yaml:1)",
			"issuer is a list or a mapping; want one value (from signet.yaml:2)",
			"kek.file is a list or a mapping; want one value (from signet.yaml:3)")
	}
}

func TestLoad_KeysHaveOneSpelling(t *testing.T) {
	s := sources()
	for text, want := range map[string]string{
		"HTTP: {address: 127.0.0.1:1}": `"HTTP" is not a key of Signet; want one of ` + topKeys + ` (from signet.yaml:1)`,
		"http: {Address: 127.0.0.1:1}": `"http.Address" is not a key of Signet; want one of address (from signet.yaml:1)`,
		"http.address: 127.0.0.1:1":    `"http.address" is not a key of Signet; want names without a dot, each section on a line of its own (from signet.yaml:1)`,
		"http::address: 127.0.0.1:1":   `"http::address" is not a key of Signet; want one of ` + topKeys + ` (from signet.yaml:1)`,
		"data_dir: a\ndata_dir: b":     `"data_dir" is set twice; want one value (from signet.yaml:2)`,
		"http: {}\nlog: {}\nhttp: {}":  `"http" is set twice; want one value (from signet.yaml:3)`,
		"\"data_dir\\nissuer\": x":     `"data_dir\nissuer" is not a key of Signet; want one of ` + topKeys + ` (from signet.yaml:1)`,
		"https://example.com/Roles: a": `"https://example.com/Roles" is not a key of Signet; want names without a dot, each section on a line of its own (from signet.yaml:1)`,
		"origins: {a: b}":              `"origins" is not a key of Signet; want one of ` + topKeys + ` (from signet.yaml:1)`,
		"\"-\": x":                     `"-" is not a key of Signet; want one of ` + topKeys + ` (from signet.yaml:1)`,
		"log: &l {}\n*l : json":        `"l" is not a key of Signet; want names without a dot, each section on a line of its own (from signet.yaml:2)`,
	} {
		s.ReadFile = files(map[string]string{"signet.yaml": text})
		wantFaults(t, s, want)
	}
}

func TestLoad_RejectsDurationsAndSizesWithoutUnit(t *testing.T) {
	duration := func(text, origin string) string {
		return `refresh.leeway is "` + text + `"; want a duration with its unit, such as 90s, 10m or 720h ` +
			`(from ` + origin + `)`
	}
	for _, bare := range []string{"15", "0", "1.5", "-0", "0x10", "1e3", "1_000"} {
		s := sources()
		s.Env = append(s.Env, "SIGNET_REFRESH_LEEWAY="+bare)
		wantFaults(t, s, duration(bare, "SIGNET_REFRESH_LEEWAY"))
		s = sources()
		s.Flags = map[string]string{"refresh.leeway": bare}
		wantFaults(t, s, duration(bare, "flag"))
		s = sources()
		s.ReadFile = files(map[string]string{"signet.yaml": "refresh:\n  leeway: " + bare})
		wantFaults(t, s, duration(bare, "signet.yaml:2"))
		s = sources()
		s.Env = append(s.Env, "SIGNET_PASSWORD_MEMORY="+bare)
		wantFaults(t, s, `password.memory is "`+bare+`"; want a size with its unit (B, KiB, MiB, GiB), such as 19MiB `+
			`(from SIGNET_PASSWORD_MEMORY)`)
	}
}

// YAML converts 0123 to 83, 1:30 to 90 and yes to true. Signet parses the text
// in the same way for all sources.
func TestLoad_FileAndEnvironmentShareGrammar(t *testing.T) {
	for text, want := range map[string]int{
		"12": 12, "012": 12, "0x10": -1, "1_0": -1, "1e1": -1, "10.0": -1, "true": -1,
	} {
		inEnv, inFile := sources(), sources()
		inEnv.Env = append(inEnv.Env, "SIGNET_STORE_MAX_CONNS="+text)
		inFile.ReadFile = files(map[string]string{"signet.yaml": "store: {max_conns: " + text + "}"})
		for _, s := range []Sources{inEnv, inFile} {
			c, err := Load(s)
			if want < 0 && err == nil || want >= 0 && c.Store.MaxConns != want {
				t.Errorf("store.max_conns %s: got %d, error %v, want %d", text, c.Store.MaxConns, err, want)
			}
		}
	}
	for _, text := range []string{"yes", "on", "True", "1", "TRUE"} {
		s := sources()
		s.ReadFile = files(map[string]string{"signet.yaml": "grpc: {reflection: " + text + "}"})
		wantFaults(t, s, `grpc.reflection is "`+text+`"; want true or false (from signet.yaml:1)`)
	}
	s := sources()
	s.ReadFile = files(map[string]string{"signet.yaml": "grpc: {reflection: true}\ndata_dir: 0123\nkek: {file: no}\n"})
	if c := load(t, s); !c.GRPC.Reflection || c.DataDir != "0123" || c.KEK.File != "no" {
		t.Errorf("unexpected configuration: %+v", c)
	}
}

func TestLoad_EmptyVariableIsNotSet(t *testing.T) {
	s := sources()
	s.Env = append(s.Env, "SIGNET_HTTP_ADDRESS=", "SIGNET_STORE_URL=", "SIGNET_STORE_URL_FILE=")
	if c := load(t, s); c.HTTP.Address != "127.0.0.1:8080" || c.Origins["http.address"] != FromDefault {
		t.Errorf("http.address is %q from %s, want the default", c.HTTP.Address, c.Origins["http.address"])
	}
}

func TestLoad_RejectsUnknownVariables(t *testing.T) {
	s := sources()
	s.Env = append(s.Env,
		"SIGNET_TEST_POSTGRES=postgres://x", "SIGNETX=1", "PATH=/bin", "signet_issuer=x",
		// what Kubernetes sets for a Service named signet or signet-grpc
		"SIGNET_SERVICE_HOST=10.0.0.1", "SIGNET_SERVICE_PORT=8080", "SIGNET_SERVICE_PORT_HTTP=8080",
		"SIGNET_PORT=tcp://10.0.0.1:8080", "SIGNET_PORT_8080_TCP=tcp://10.0.0.1:8080",
		"SIGNET_PORT_8080_TCP_PROTO=tcp", "SIGNET_PORT_8080_TCP_PORT=8080",
		"SIGNET_PORT_8080_TCP_ADDR=10.0.0.1", "SIGNET_GRPC_SERVICE_HOST=10.0.0.1",
		"SIGNET_GRPC_PORT_9090_TCP=tcp://10.0.0.1:9090",
	)
	load(t, s)
	for _, name := range []string{
		"SIGNET_HTTP", "SIGNET_HTTP_PORT", "SIGNET_HTTP_ADDRES", "SIGNET_HTTP_ADDRESS_FILE", "SIGNET_Issuer",
		"SIGNET_ISUSER", "SIGNET_DATADIR", "SIGNET_LOGLEVEL", "SIGNET_KEY_MAX_AGE", "SIGNET_STORE_PASSWORD",
		"SIGNET_TRUSTED_PROXY",
	} {
		s := sources()
		s.Env = append(s.Env, name+"=1")
		wantFaults(t, s, `"`+name+`" is not a variable of Signet; `+
			`want the name of a key such as SIGNET_HTTP_ADDRESS (from the environment)`)
		s = sources()
		s.Env = append(s.Env, name+"=")
		load(t, s)
	}
}

// Other programs may use variables with the prefix of Signet, as the Compose
// file does. They are reported and have no effect. An empty variable is not
// set.
func TestLoad_WarnsOfVariablesOfOthers(t *testing.T) {
	for _, name := range []string{
		"SIGNET_DB_PASSWORD", "SIGNET_", "SIGNET_TEST", "SIGNET_ORIGINS", "SIGNET_IMAGE", "SIGNET_HOME",
	} {
		s := sources()
		s.Env = append(s.Env, name+"=swordfish")
		var warnings []string
		s.Warn = func(text string) { warnings = append(warnings, text) }
		load(t, s)
		want := `the environment variable "` + name + `" is ignored: it is not a variable of Signet`
		if !slices.Equal(warnings, []string{want}) {
			t.Errorf("got the warnings %q, want %q", warnings, want)
		}
		s.Env = append(s.Env, name+"=")
		s.Env = slices.DeleteFunc(s.Env, func(pair string) bool { return strings.HasSuffix(pair, "swordfish") })
		warnings = nil
		if load(t, s); len(warnings) > 0 {
			t.Errorf("an empty variable has the warnings %q", warnings)
		}
	}
}

func TestLoad_SecretFiles(t *testing.T) {
	s := sources()
	s.ReadFile = files(map[string]string{"/run/url": "postgres://u:p@/d\n", "/run/empty": "\n"})
	env := s.Env
	s.Env = append(env, "SIGNET_STORE_URL_FILE=/run/url")
	if c := load(t, s); string(c.Store.URL) != "postgres://u:p@/d" {
		t.Errorf("store.url is %q", string(c.Store.URL))
	}
	s.Env = append(env, "SIGNET_STORE_URL_FILE=/run/url", "SIGNET_STORE_URL=sqlite:x")
	wantFaults(t, s, "store.url is set by both SIGNET_STORE_URL and SIGNET_STORE_URL_FILE; want only one of them")
	s.Env = append(env, "SIGNET_STORE_URL_FILE=/run/empty")
	wantFaults(t, s, "store.url cannot be read: /run/empty is empty; "+
		"want the path of a file that holds it (from SIGNET_STORE_URL_FILE)")
	s.Env = append(env, "SIGNET_STORE_URL_FILE=/run/none")
	wantFaults(t, s, "store.url cannot be read: open /run/none: file does not exist; "+
		"want the path of a file that holds it (from SIGNET_STORE_URL_FILE)")
	// The key kek.file is the path of a file, so its own variable ends with
	// _FILE.
	s.Env = append(env, "SIGNET_KEK_FILE=/run/kek")
	if c := load(t, s); c.KEK.File != "/run/kek" {
		t.Errorf("kek.file is %q", c.KEK.File)
	}
}

// Some editors and shells write a byte order mark in front of a text.
func TestLoad_ByteOrderMark(t *testing.T) {
	const mark = "\xef\xbb\xbf"
	s := sources()
	s.ReadFile = files(map[string]string{
		"signet.yaml": mark + "data_dir: d\n", "/run/url": mark + "postgres://u:p@localhost/d\r\n",
		"/run/utf16": "\xff\xfep\x00", "/run/mark": mark,
	})
	env := s.Env
	s.Env = append(env, "SIGNET_STORE_URL_FILE=/run/url")
	if c := load(t, s); string(c.Store.URL) != "postgres://u:p@localhost/d" || c.DataDir != "d" {
		t.Errorf("store.url is %q, data_dir is %q", string(c.Store.URL), c.DataDir)
	}
	for file, problem := range map[string]string{
		"/run/utf16": "is encoded in UTF-16: save it as UTF-8", "/run/mark": "is empty",
	} {
		s.Env = append(env, "SIGNET_STORE_URL_FILE="+file)
		wantFaults(t, s, "store.url cannot be read: "+file+" "+problem+"; "+
			"want the path of a file that holds it (from SIGNET_STORE_URL_FILE)")
	}
}

func TestLoad_RejectsPasswordInFlag(t *testing.T) {
	s := sources()
	s.Flags = map[string]string{"store.url": "postgres://u:hunter2@h/d"}
	wantFaults(t, s, "store.url holds a password, and all users of the machine can read the command line; "+
		"want SIGNET_STORE_URL_FILE (from flag)")
	for _, harmless := range []string{"sqlite:/tmp/x", "postgres://u@localhost/d"} {
		s.Flags["store.url"] = harmless
		if c := load(t, s); string(c.Store.URL) != harmless {
			t.Errorf("store.url is %q", string(c.Store.URL))
		}
	}
}

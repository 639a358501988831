package config

import (
	"errors"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// topKeys are the keys and sections that a file may have at the top level.
const topKeys = "issuer, data_dir, http, grpc, ops, gateway, tls, trusted_proxies, proxy_header, max_streams, store, " +
	"kek, keys, tokens, refresh, revocations, password, throttle, log, shutdown"

// files returns a ReadFile function that has only these files.
func files(texts map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		text, ok := texts[name]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		return []byte(text), nil
	}
}

// sources returns the smallest sources that Load accepts.
func sources() Sources {
	return Sources{Env: []string{"SIGNET_ISSUER=https://login.example.com"}, ReadFile: files(nil)}
}

func load(t *testing.T, s Sources) Config {
	t.Helper()
	c, err := Load(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wantFaults checks that the error of Load consists of exactly these lines, in
// any order.
func wantFaults(t *testing.T, s Sources, want ...string) {
	t.Helper()
	_, err := Load(s)
	if err == nil {
		t.Fatalf("Load returned no error; want %q", want)
	}
	missing := map[string]bool{}
	for _, line := range want {
		missing[line] = true
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if !missing[line] {
			t.Errorf("unexpected line: %s", line)
		}
		delete(missing, line)
	}
	for line := range missing {
		t.Errorf("missing line:    %s", line)
	}
}

func TestLoad_Defaults(t *testing.T) {
	c := load(t, sources())
	if c.HTTP.Address != "127.0.0.1:8080" || c.Keys.RotateEvery != 30*24*time.Hour || c.Password.Memory != 19*MiB ||
		c.GRPC.Reflection || c.Log.Format != "json" || c.File != "" {
		t.Errorf("unexpected defaults: %+v", c)
	}
	path, ok := c.Store.SQLite()
	if !ok || path != filepath.Join("data", "signet.db") || c.KEK.File != filepath.Join("data", "kek") {
		t.Errorf("unexpected defaults: store %s, KEK file %s", c.Store.URL, c.KEK.File)
	}
	s := sources()
	s.Flags = map[string]string{"data_dir": "/var/lib/signet"}
	c = load(t, s)
	if c.Store.URL != "sqlite:/var/lib/signet/signet.db" || c.KEK.File != "/var/lib/signet/kek" {
		t.Errorf("unexpected defaults: store %s, KEK file %s", c.Store.URL, c.KEK.File)
	}
}

func TestLoad_Precedence(t *testing.T) {
	const key = "keys.poll_interval"
	s := sources()
	for i, layer := range []struct {
		add    func()
		want   time.Duration
		origin string
	}{
		{func() {}, 2 * time.Second, FromDefault},
		{func() { s.Dev = map[string]string{key: "3s"} }, 3 * time.Second, FromDev},
		{func() {
			s.ReadFile = files(map[string]string{"signet.yaml": "keys:\n  poll_interval: 4s\n"})
		}, 4 * time.Second, "signet.yaml:2"},
		{func() {
			s.Env = append(s.Env, "SIGNET_KEYS_POLL_INTERVAL=5s")
		}, 5 * time.Second, "SIGNET_KEYS_POLL_INTERVAL"},
		{func() { s.Flags = map[string]string{key: "6s"} }, 6 * time.Second, FromFlag},
	} {
		layer.add()
		c := load(t, s)
		if c.Keys.PollInterval != layer.want || c.Origins[key] != layer.origin {
			t.Errorf("layer %d: got %v from %q, want %v from %q",
				i, c.Keys.PollInterval, c.Origins[key], layer.want, layer.origin)
		}
		if c.Keys.MaxAge != 5*time.Minute || c.Origins["keys.max_age"] != FromDefault {
			t.Errorf("layer %d: keys.max_age is %v from %q, want the default",
				i, c.Keys.MaxAge, c.Origins["keys.max_age"])
		}
	}
}

func TestLoad_FileSearchOrder(t *testing.T) {
	const (
		xdg  = "/xdg/signet/signet.yaml"
		home = "/home/u/.config/signet/signet.yaml"
		etc  = "/etc/signet/signet.yaml"
		dev  = "d/dev.yaml"
	)
	texts := map[string]string{}
	for _, name := range []string{"signet.yaml", xdg, home, etc, dev, "given", "xdg/signet/signet.yaml"} {
		texts[name] = "data_dir: " + name + "\n"
	}
	base := sources()
	base.ReadFile = files(texts)
	base.Dev = map[string]string{"data_dir": "d"}
	inXDG := append([]string{"XDG_CONFIG_HOME=/xdg", "HOME=/home/u"}, base.Env...)
	inHome := append([]string{"XDG_CONFIG_HOME=", "HOME=/home/u"}, base.Env...)
	relative := append([]string{"XDG_CONFIG_HOME=xdg"}, base.Env...)
	for _, c := range []struct {
		removed []string
		file    string
		env     []string
		devFile bool
		want    string
	}{
		{nil, "given", inXDG, true, "given"},
		{nil, "", inXDG, true, "signet.yaml"},
		{[]string{"signet.yaml"}, "", inXDG, true, xdg},
		{[]string{"signet.yaml"}, "", inHome, true, home},
		{[]string{"signet.yaml"}, "", relative, true, etc},
		{[]string{"signet.yaml", xdg}, "", inXDG, true, etc},
		{[]string{"signet.yaml", xdg, etc}, "", inXDG, true, dev},
		{[]string{"signet.yaml", xdg, etc}, "", inXDG, false, ""},
		{[]string{"signet.yaml", xdg, etc, dev}, "", inXDG, true, ""},
	} {
		s, existing := base, maps.Clone(texts)
		for _, name := range c.removed {
			delete(existing, name)
		}
		s.ReadFile, s.File, s.Env, s.DevFile = files(existing), c.file, c.env, c.devFile
		if got := load(t, s); got.File != c.want || c.want != "" && got.DataDir != c.want {
			t.Errorf("without %q: Load read %q (data_dir %q), want %q", c.removed, got.File, got.DataDir, c.want)
		}
	}
}

func TestLoad_UnreadableFile(t *testing.T) {
	s := sources()
	s.File = "given"
	wantFaults(t, s, "read configuration: open given: file does not exist")
	s.File = ""
	s.ReadFile = func(name string) ([]byte, error) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	var warnings []string
	s.Warn = func(text string) { warnings = append(warnings, text) }
	s.Env = append(s.Env, "HOME=/root")
	load(t, s)
	if want := []string{
		"a configuration file in a default place is ignored: open signet.yaml: permission denied",
		"a configuration file in a default place is ignored: open /root/.config/signet/signet.yaml: permission denied",
		"a configuration file in a default place is ignored: open /etc/signet/signet.yaml: permission denied",
	}; !slices.Equal(warnings, want) {
		t.Errorf("got the warnings %q, want %q", warnings, want)
	}
	for text, want := range map[string]string{
		"issuer: [":          "read configuration signet.yaml: yaml: line 1: did not find expected node content",
		"data_dir: a\n---\n": "read configuration signet.yaml: it holds more than one document",
		"just words": "the file is not a mapping; want the keys " + topKeys +
			" below it (from signet.yaml:1)",
		"\tissuer: x":         "read configuration signet.yaml: yaml: found character that cannot start any token",
		"? [a]\n: b\n":        `"" is not a key of Signet; want names without a dot, each section on a line of its own (from signet.yaml:1)`,
		"<<: {data_dir: x}\n": `"<<" is not a key of Signet; want one of ` + topKeys + ` (from signet.yaml:1)`,
		"grpc:\n- address: x:1\n": "grpc is not a mapping; want the keys address, reflection below it " +
			"(from signet.yaml:2)",
	} {
		s.ReadFile = files(map[string]string{"signet.yaml": text})
		wantFaults(t, s, want)
	}
}

func TestLoad_ReadsRealFiles(t *testing.T) {
	dir := t.TempDir()
	file, secret := filepath.Join(dir, "my.yaml"), filepath.Join(dir, "url")
	for name, text := range map[string]string{
		file: "issuer: https://a.example\n", secret: "postgres://u:p@h/d?sslmode=require\r\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := load(t, Sources{File: file, Env: []string{"SIGNET_STORE_URL_FILE=" + secret}})
	if c.Issuer != "https://a.example" || c.Store.URL != "postgres://u:p@h/d?sslmode=require" ||
		c.Origins["store.url"] != "SIGNET_STORE_URL_FILE" {
		t.Errorf("issuer %s, store %q from %s", c.Issuer, string(c.Store.URL), c.Origins["store.url"])
	}
	if err := os.Chmod(secret, 0o644); err != nil {
		t.Fatal(err)
	}
	var warnings []string
	load(t, Sources{
		File: file, Env: []string{"SIGNET_STORE_URL_FILE=" + secret},
		Warn: func(text string) { warnings = append(warnings, text) },
	})
	if len(warnings) != 1 || !strings.Contains(warnings[0], secret+" has mode 0644, which lets everyone") {
		t.Errorf("a secret that everyone can read has the warnings %q", warnings)
	}
	_, err := Load(Sources{File: filepath.Join(dir, "none")})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: got error %v, want fs.ErrNotExist", err)
	}
}

// A value that cannot be parsed does not hide the faults of other keys.
func TestLoad_ReportsAllFaultsAtOnce(t *testing.T) {
	s := Sources{
		ReadFile: files(map[string]string{"signet.yaml": `
http:
  adr: 127.0.0.1:8080
  address: 0.0.0.0:8080
keys: {max_age: 15, rsa_bits: 1024}
claims: {MyApp: x}
password:
  memory: 8MiB
`}),
		Env: []string{
			"SIGNET_LOG_LEVEL=loud", "SIGNET_LOG_COLOUR=red", "SIGNET_STORE_URL=postgres://u:hunter2@h:x/d",
			"SIGNET_GRPC_REFLECTION=yes",
		},
		Flags: map[string]string{"shutdown.drain": "soon", "http.port": "1"},
		Dev:   map[string]string{"grpc.adress": "x"},
	}
	wantFaults(t, s,
		`"http.adr" is not a key of Signet; want one of address (from signet.yaml:3)`,
		`"claims" is not a key of Signet; want one of `+topKeys+` (from signet.yaml:6)`,
		`"SIGNET_LOG_COLOUR" is not a variable of Signet; want the name of a key such as SIGNET_HTTP_ADDRESS (from the environment)`,
		`grpc.adress is not a key of Signet; want one of those in signet.yaml (from --dev)`,
		`http.port is not a key of Signet; want one of those in signet.yaml (from flag)`,
		`keys.max_age is "15"; want a duration with its unit, such as 90s, 10m or 720h (from signet.yaml:5)`,
		`grpc.reflection is "yes"; want true or false (from SIGNET_GRPC_REFLECTION)`,
		`shutdown.drain is "soon"; want a duration with its unit, such as 90s, 10m or 720h (from flag)`,
		`issuer is not set; want the URL by which clients know this issuer, such as https://login.example.com`,
		`http.address is "0.0.0.0:8080", not loopback, and would speak plain text; want a loopback address, tls.cert_file, or TLS in front of it and tls.insecure_plain_text: true (from signet.yaml:4)`,
		`store.url is not a store URL; want sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE, special characters percent-encoded (from SIGNET_STORE_URL)`,
		`keys.rsa_bits is 1024; want 2048, 3072 or 4096 (from signet.yaml:5)`,
		`password.memory is 8MiB; want 19MiB to 256MiB, whole KiB (from signet.yaml:8)`,
		`log.level is "loud"; want one of debug, info, warn, error (from SIGNET_LOG_LEVEL)`,
	)
}

func TestLoad_ReportsEachFaultOnce(t *testing.T) {
	s := Sources{
		ReadFile: files(map[string]string{"signet.yaml": "issuer: [x]\n"}),
		Flags:    map[string]string{"keys.max_age": "1h", "keys.publish_ahead": "2 h"},
	}
	wantFaults(t, s,
		"issuer is a list or a mapping; want one value (from signet.yaml:1)",
		`keys.publish_ahead is "2 h"; want a duration with its unit, such as 90s, 10m or 720h (from flag)`)
}

func TestLoad_ListsInFilesAndEnvironment(t *testing.T) {
	want := Prefixes{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("192.0.2.1/32"),
	}
	inEnv, inFlag := sources(), sources()
	inEnv.Env = append(inEnv.Env, "SIGNET_TRUSTED_PROXIES=10.0.0.0/8, ::1,::ffff:192.0.2.1")
	inFlag.Flags = map[string]string{"trusted_proxies": "10.0.0.0/8,::1,192.0.2.1"}
	all := []Sources{inEnv, inFlag}
	for _, text := range []string{
		"trusted_proxies: [10.0.0.0/8, '::1', 192.0.2.1]",
		"trusted_proxies:\n- 10.0.0.0/8\n- ::1\n- 192.0.2.1\n",
		"trusted_proxies: 10.0.0.0/8, ::1, 192.0.2.1",
	} {
		s := sources()
		s.ReadFile = files(map[string]string{"signet.yaml": text})
		all = append(all, s)
	}
	for _, s := range all {
		c := load(t, s)
		if !slices.Equal(c.TrustedProxies, want) {
			t.Errorf("got %v, want %v", c.TrustedProxies, want)
		}
		shown, err := c.YAML()
		const list = "\ntrusted_proxies:\n  - 10.0.0.0/8\n  - ::1\n  - 192.0.2.1\n"
		if err != nil || !strings.Contains(string(shown), list) {
			t.Errorf("YAML: error %v, output\n%s", err, shown)
		}
	}
	s := inEnv
	s.ReadFile = files(map[string]string{"signet.yaml": "trusted_proxies: [10.0.0.0/8, [a]]"})
	wantFaults(t, s, "trusted_proxies holds a list or a mapping; want a list of values (from signet.yaml:1)")
	s.ReadFile = files(map[string]string{"signet.yaml": "trusted_proxies: {a: b}"})
	wantFaults(t, s, "trusted_proxies is a list or a mapping; want one value (from signet.yaml:1)")
}

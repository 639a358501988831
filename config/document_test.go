package config

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// comments returns the comment above each key and section of a YAML mapping.
func comments(prefix string, mapping *yaml.Node) map[string]string {
	all := map[string]string{}
	for i := 0; i < len(mapping.Content); i += 2 {
		name, value := mapping.Content[i], mapping.Content[i+1]
		all[prefix+name.Value] = name.HeadComment
		if value.Kind == yaml.MappingNode {
			maps.Copy(all, comments(prefix+name.Value+".", value))
		}
	}
	return all
}

// The file signet.yaml must document exactly the keys of Config, in the same
// order. It must also describe what an empty default means.
func TestDefaults_DocumentEveryKey(t *testing.T) {
	var document yaml.Node
	if err := yaml.Unmarshal(defaults, &document); err != nil {
		t.Fatal(err)
	}
	documented := comments("", document.Content[0])
	var want, lists []string
	for _, f := range fields(new(Config)) {
		want = append(want, f.key)
		if f.value.Kind() == reflect.Slice {
			lists = append(lists, f.key)
		}
		for key := f.key; ; key = key[:strings.LastIndex(key, ".")] {
			comment := documented[key]
			complete := strings.HasSuffix(comment, ".") || strings.HasSuffix(comment, ".example.com")
			if !strings.HasPrefix(comment, "# ") || !complete {
				t.Errorf("the comment of %s in signet.yaml is %q; want one or more sentences", key, comment)
			}
			if !strings.Contains(key, ".") {
				break
			}
		}
	}

	settings, faults, err := readYAML("signet.yaml", defaults, want, lists)
	if err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	var got []string
	for _, s := range settings {
		got = append(got, s.key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("signet.yaml has the keys %q\nConfig has the keys      %q", got, want)
	}
	for _, s := range settings {
		comment := documented[s.key]
		if s.text == "" && !strings.Contains(comment, "efault: ") && !strings.Contains(comment, "No default") {
			t.Errorf("signet.yaml does not describe what an empty %s means", s.key)
		}
	}
}

func TestLoad_CopyOfDefaultsGivesSameConfig(t *testing.T) {
	s := sources()
	want := load(t, s)
	s.ReadFile = files(map[string]string{"signet.yaml": string(defaults)})
	got := load(t, s)
	if got.Origins["http.address"] == FromDefault {
		t.Error("Load did not read the copy")
	}
	got.Origins, got.File, want.Origins = nil, "", nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestConfigYAML_LoadsToSameConfig(t *testing.T) {
	s := sources()
	s.Env = append(s.Env,
		"SIGNET_STORE_URL=postgres://u@/d?application_name=a%20b", "SIGNET_DATA_DIR=no: \"x\" #\t'",
		"SIGNET_KEYS_MAX_AGE=61s", "SIGNET_PASSWORD_MEMORY=20481KiB", "SIGNET_GRPC_REFLECTION=true",
		"SIGNET_REFRESH_IDLE_LIFETIME=1h1s", "SIGNET_KEK_FILE=0123", "SIGNET_TRUSTED_PROXIES=10.0.0.0/8,::1")
	want := load(t, s)
	text, err := want.YAML()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Load(Sources{File: "printed", ReadFile: files(map[string]string{"printed": string(text)})})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for key, origin := range got.Origins {
		if !strings.HasPrefix(origin, "printed:") {
			t.Errorf("YAML lacks %s", key)
		}
	}
	got.Origins, got.File, want.Origins = nil, "", nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v\n%s", got, want, text)
	}
	for _, line := range []string{
		"issuer: https://login.example.com\n", "\nkeys:\n  max_age: 1m1s\n", "  rotate_every: 720h\n",
		"  memory: 20481KiB\n", "  memory_budget: 0B\n",
	} {
		if !strings.Contains(string(text), line) {
			t.Errorf("YAML lacks %q:\n%s", line, text)
		}
	}
}

func TestConfigRedacted_EncodesAsJSON(t *testing.T) {
	s := sources()
	s.Env = append(s.Env, "SIGNET_STORE_URL=postgres://u:hunter2@h/d", "SIGNET_STORE_INSECURE=true")
	all, err := load(t, s).Redacted()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{"store": all["store"], "grpc": all["grpc"], "keys": all["keys"]})
	const want = `{"grpc":{"address":"127.0.0.1:9090","reflection":false},` +
		`"keys":{"clock_skew":"2m","max_age":"5m","poll_interval":"2s","publish_ahead":"1h",` +
		`"rotate_every":"720h","rsa_bits":2048},` +
		`"store":{"coalesce":true,"connect_timeout":"2s","insecure":true,"max_conns":16,"statement_timeout":"5s",` +
		`"sweep_every":"1h","url":"postgres://u:hidden@h/d"}}`
	if err != nil || string(text) != want {
		t.Errorf("error %v\ngot  %s\nwant %s", err, text, want)
	}
}

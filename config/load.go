package config

import (
	_ "embed" // the defaults
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
)

// DevFile is the name of the file, in data_dir, in which serve --dev keeps what it filled in.
const DevFile = "dev.yaml"

//go:embed signet.yaml
var defaults []byte

// Sources are all that Load reads; there is nothing beside them.
type Sources struct {
	// File is the configuration file that was asked for; empty means the first of the usual ones that exists.
	File string
	// DevFile says that DevFile in data_dir serves as the file when there is no other.
	DevFile bool
	// Flags are the values of the flags that were given, by key (http.address).
	Flags map[string]string
	// Dev are the values that --dev has for what nobody else gave, by key: stronger than the defaults only.
	Dev map[string]string
	// Env is the environment as os.Environ returns it.
	Env []string
	// ReadFile reads a file; nil means os.ReadFile.
	ReadFile func(name string) ([]byte, error)
}

func (s Sources) read(name string) ([]byte, error) {
	if s.ReadFile != nil {
		return s.ReadFile(name)
	}
	return os.ReadFile(name)
}

// Load returns the configuration: flags before environment before file before s.Dev before defaults. The error, if there is
// one, names everything that is wrong at once, a line each; no line holds a secret.
func Load(s Sources) (Config, error) {
	var c Config
	l := &loader{
		viper: viper.NewWithOptions(viper.KeyDelimiter("::")), types: map[string]reflect.Type{}, origins: map[string]string{},
	}
	all := leaves(&c)
	for _, leaf := range all {
		l.keys = append(l.keys, leaf.key)
		l.types[leaf.key] = leaf.value.Type()
		if leaf.value.Kind() == reflect.Slice {
			l.lists = append(l.lists, leaf.key)
		}
	}
	file, err := l.read(s, all)
	if err != nil {
		return Config{}, err
	}
	if err := l.viper.UnmarshalExact(&c, strict); err != nil {
		return Config{}, err
	}
	c.File, c.Origins = file, l.origins
	c.fill()
	if err := joined(l.with(c.faults())); err != nil {
		return Config{}, err
	}
	return c, nil
}

// fill gives their values to the keys whose defaults depend on data_dir.
func (c *Config) fill() {
	if c.Store.URL == "" {
		c.Store.URL = Secret(sqliteScheme + filepath.Join(c.DataDir, "signet.db"))
	}
	if c.KEK.File == "" {
		c.KEK.File = filepath.Join(c.DataDir, "kek")
	}
}

// A loader puts settings, layer upon layer, into a viper of its own. It refuses those that cannot be read before viper sees
// them, so that what lies below holds and the rest can still be judged.
type loader struct {
	viper   *viper.Viper
	keys    []string
	lists   []string
	types   map[string]reflect.Type
	origins map[string]string
	faults  []fault
}

// read reads all sources and returns the name of the file among them.
func (l *loader) read(s Sources, all []leaf) (file string, err error) {
	base, err := l.yaml("signet.yaml (embedded)", defaults)
	if err != nil {
		return "", err
	}
	for i := range base {
		base[i].origin = FromDefault
	}
	dev, flags := fromMap(s.Dev, FromDev), fromMap(s.Flags, FromFlag)
	env, envFaults := s.fromEnv(all)
	file, text, err := s.find(last("data_dir", base, dev, env, flags))
	if err != nil {
		return "", err
	}
	fromFile, err := l.yaml(file, text)
	if err != nil {
		return "", err
	}
	l.faults = append(l.faults, envFaults...)
	l.layer(base, l.viper.SetDefault)
	l.layer(dev, l.viper.SetDefault)
	l.layer(fromFile, l.inFile)
	l.layer(env, l.viper.Set)
	l.layer(flags, l.viper.Set)
	l.refuseSecretFlags(flags)
	return file, nil
}

func (l *loader) yaml(name string, text []byte) ([]setting, error) {
	settings, faults, err := readYAML(name, text, l.keys, l.lists)
	l.faults = append(l.faults, faults...)
	return settings, err
}

func (l *loader) layer(settings []setting, put func(key string, value any)) {
	for _, s := range settings {
		t, ok := l.types[s.key]
		if !ok {
			l.faults = append(l.faults, fault{s.key, "is not a key of Signet", "one of those in signet.yaml", s.origin})
			continue
		}
		l.origins[s.key] = s.origin
		if _, wanted := parse(s.text, t); wanted != "" {
			l.faults = append(l.faults, fault{s.key, "is " + quote(s.text), wanted, s.origin})
			continue
		}
		put(strings.ReplaceAll(s.key, ".", "::"), s.text)
	}
}

// inFile puts a value where viper keeps those of files.
func (l *loader) inFile(key string, value any) {
	path := strings.Split(key, "::")
	for _, name := range slices.Backward(path) {
		value = map[string]any{name: value}
	}
	// It only ever returns nil.
	_ = l.viper.MergeConfigMap(value.(map[string]any))
}

// refuseSecretFlags refuses passwords on the command line, which every user of the machine can read.
func (l *loader) refuseSecretFlags(flags []setting) {
	for _, s := range flags {
		if l.types[s.key] == secretType && Secret(s.text).String() != s.text {
			l.faults = append(l.faults, fault{
				s.key, "holds a password, which all users of the machine can read there", envName(s.key) + envFileSuffix, FromFlag,
			})
		}
	}
}

// with returns the loader's faults and those others that it has nothing to say about.
func (l *loader) with(others []fault) []fault {
	all := slices.Clone(l.faults)
	for _, other := range others {
		if !slices.ContainsFunc(l.faults, func(f fault) bool { return f.key == other.key }) {
			all = append(all, other)
		}
	}
	return all
}

// fromMap returns what a map sets, in the order of the keys.
func fromMap(values map[string]string, origin string) []setting {
	var settings []setting
	for _, key := range slices.Sorted(maps.Keys(values)) {
		settings = append(settings, setting{key, values[key], origin})
	}
	return settings
}

// last returns the text that the strongest of the layers has for a key.
func last(key string, layers ...[]setting) (text string) {
	for _, s := range slices.Concat(layers...) {
		if s.key == key {
			text = s.text
		}
	}
	return text
}

// strict makes viper's decoder read text with parse and refuse everything else that is not of the field's type.
func strict(d *mapstructure.DecoderConfig) {
	d.TagName = "yaml"
	d.WeaklyTypedInput = false
	d.DecodeHook = func(from, to reflect.Type, data any) (any, error) {
		text, ok := data.(string)
		if !ok {
			return data, nil
		}
		value, wanted := parse(text, to)
		if wanted != "" {
			return nil, fault{key: quote(text), problem: "is wrong", wanted: wanted}
		}
		return value, nil
	}
}

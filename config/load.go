package config

import (
	_ "embed" // the defaults
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
)

//go:embed signet.yaml
var defaults []byte

// Load returns the configuration. Flags override the environment, the
// environment overrides the file, the file overrides s.Dev, and s.Dev overrides
// the defaults.
//
// The error reports all faults at once, one per line. No line contains a
// secret. With an error, the result has log.format and nothing else, so that
// the caller can report the error in this format. Log.Format may be invalid
// then.
func Load(s Sources) (Config, error) {
	var c Config
	l := &loader{
		viper:   viper.NewWithOptions(viper.KeyDelimiter("::")),
		types:   map[string]reflect.Type{},
		origins: map[string]string{},
	}
	all := fields(&c)
	for _, f := range all {
		l.keys = append(l.keys, f.key)
		l.types[f.key] = f.value.Type()
		if f.value.Kind() == reflect.Slice {
			l.lists = append(l.lists, f.key)
		}
	}

	file, err := l.read(s, all)
	if err != nil {
		return Config{Log: Log{Format: l.logFormat}}, err
	}
	if err := l.viper.UnmarshalExact(&c, strictDecoding); err != nil {
		return Config{}, err
	}

	c.File, c.Origins = file, l.origins
	c.fillDefaults()
	if err := joinFaults(l.merge(c.faults())); err != nil {
		return Config{Log: Log{Format: c.Log.Format}}, err
	}
	return c, nil
}

// fillDefaults sets the keys whose defaults depend on data_dir.
func (c *Config) fillDefaults() {
	if c.Store.URL == "" {
		c.Store.URL = Secret(sqliteScheme + filepath.Join(c.DataDir, "signet.db"))
	}
	if c.KEK.File == "" {
		c.KEK.File = filepath.Join(c.DataDir, "kek")
	}
}

// A loader merges the layers of settings in a private viper. It rejects a
// setting that it cannot parse before viper sees it. Then the value of the
// lower layer stays, and Load can validate the remaining keys.
type loader struct {
	viper   *viper.Viper
	keys    []string
	lists   []string
	types   map[string]reflect.Type
	origins map[string]string
	faults  []fault
	// logFormat is log.format without the file.
	logFormat string
}

// read reads all sources. It returns the path of the configuration file.
func (l *loader) read(s Sources, all []field) (file string, err error) {
	base, err := l.parseYAML("signet.yaml (embedded)", defaults)
	if err != nil {
		return "", err
	}
	for i := range base {
		base[i].origin = FromDefault
	}
	dev, flags := fromMap(s.Dev, FromDev), fromMap(s.Flags, FromFlag)
	env, envFaults := s.fromEnv(all)
	l.logFormat = last("log.format", base, dev, env, flags)

	file, text, err := s.find(last("data_dir", base, dev, env, flags))
	if err != nil {
		return "", err
	}
	fromFile, err := l.parseYAML(file, text)
	if err != nil {
		return "", err
	}

	l.faults = append(l.faults, envFaults...)
	l.addLayer(base, l.viper.SetDefault)
	l.addLayer(dev, l.viper.SetDefault)
	l.addLayer(fromFile, l.setInFile)
	l.addLayer(env, l.viper.Set)
	l.addLayer(flags, l.viper.Set)
	l.rejectSecretFlags(flags)
	return file, nil
}

func (l *loader) parseYAML(name string, text []byte) ([]setting, error) {
	settings, faults, err := readYAML(name, text, l.keys, l.lists)
	l.faults = append(l.faults, faults...)
	return settings, err
}

// addLayer passes the valid settings of a layer to set and collects faults for
// the others.
func (l *loader) addLayer(settings []setting, set func(key string, value any)) {
	for _, s := range settings {
		t, ok := l.types[s.key]
		if !ok {
			l.faults = append(l.faults,
				newFault(s.key, "is not a key of Signet", "one of those in signet.yaml", s.origin))
			continue
		}
		l.origins[s.key] = s.origin
		if _, wanted := parse(s.text, t); wanted != "" {
			l.faults = append(l.faults, newFault(s.key, "is "+quote(s.text), wanted, s.origin))
			continue
		}
		set(strings.ReplaceAll(s.key, ".", "::"), s.text)
	}
}

// setInFile sets a value in the layer that viper has for files.
func (l *loader) setInFile(key string, value any) {
	path := strings.Split(key, "::")
	for _, name := range slices.Backward(path) {
		value = map[string]any{name: value}
	}
	_ = l.viper.MergeConfigMap(value.(map[string]any)) // always returns nil
}

// rejectSecretFlags reports passwords in flags, because every user of the
// machine can read the command line.
func (l *loader) rejectSecretFlags(flags []setting) {
	for _, s := range flags {
		if l.types[s.key] == secretType && Secret(s.text).String() != s.text {
			problem := "holds a password, and all users of the machine can read the command line"
			l.faults = append(l.faults, newFault(s.key, problem, envName(s.key)+envFileSuffix, FromFlag))
		}
	}
}

// merge returns the faults of the loader, followed by those of others whose
// keys have no fault of the loader.
func (l *loader) merge(others []fault) []fault {
	all := slices.Clone(l.faults)
	for _, other := range others {
		if !slices.ContainsFunc(l.faults, func(f fault) bool { return f.key == other.key }) {
			all = append(all, other)
		}
	}
	return all
}

// fromMap returns the settings of a map, sorted by key.
func fromMap(values map[string]string, origin string) []setting {
	var settings []setting
	for _, key := range slices.Sorted(maps.Keys(values)) {
		settings = append(settings, setting{key, values[key], origin})
	}
	return settings
}

// last returns the text of a key in the last layer that sets it.
func last(key string, layers ...[]setting) (text string) {
	for _, s := range slices.Concat(layers...) {
		if s.key == key {
			text = s.text
		}
	}
	return text
}

// strictDecoding makes viper's decoder convert text with parse. The decoder
// rejects any other value whose type is not the type of the field.
func strictDecoding(d *mapstructure.DecoderConfig) {
	d.TagName = "yaml"
	d.WeaklyTypedInput = false
	d.DecodeHook = func(from, to reflect.Type, data any) (any, error) {
		text, ok := data.(string)
		if !ok {
			return data, nil
		}
		value, wanted := parse(text, to)
		if wanted != "" {
			return nil, newFault(quote(text), "is invalid", wanted, "")
		}
		return value, nil
	}
}

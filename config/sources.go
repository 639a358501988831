package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// DevFile is the name of the file in data_dir to which serve --dev writes the
// values that it chose.
const DevFile = "dev.yaml"

// Sources are the inputs of Load. Load reads nothing else.
type Sources struct {
	// File is the path of the configuration file. If it is empty, Load reads
	// the first of the default files that it can read.
	File string
	// DevFile makes DevFile in data_dir the last of the default files.
	DevFile bool
	// Flags maps keys (http.address) to the values of command-line flags.
	Flags map[string]string
	// Dev maps keys to the values that --dev chooses. They override only the
	// defaults.
	Dev map[string]string
	// Env is the environment as os.Environ returns it.
	Env []string
	// ReadFile reads a file; nil means os.ReadFile.
	ReadFile func(name string) ([]byte, error)
	// Warn is called for each input that Load ignores; nil means no call.
	Warn func(text string)
}

func (s Sources) warn(format string, args ...any) {
	if s.Warn != nil {
		s.Warn(fmt.Sprintf(format, args...))
	}
}

func (s Sources) read(name string) ([]byte, error) {
	if s.ReadFile != nil {
		return s.ReadFile(name)
	}
	return os.ReadFile(name)
}

// find reads s.File, or the first of the default files that it can read. It
// returns an empty name if s.File is empty and there is no default file. A
// default file need not exist, so it may also be unreadable: the current
// directory or the home may be that of another user.
func (s Sources) find(dataDir string) (name string, text []byte, err error) {
	if s.File != "" {
		if text, err = s.read(s.File); err != nil {
			return "", nil, fmt.Errorf("read configuration: %w", err)
		}
		return s.File, text, nil
	}

	for _, name := range s.defaultFiles(dataDir) {
		text, err := s.read(name)
		switch {
		case err == nil:
			return name, text, nil
		case !errors.Is(err, fs.ErrNotExist):
			s.warn("a configuration file in a default place is ignored: %v", err)
		}
	}
	return "", nil, nil
}

// defaultFiles returns the paths that find tries, in order.
func (s Sources) defaultFiles(dataDir string) []string {
	names := []string{"signet.yaml"}
	if dir := s.xdgConfigHome(); dir != "" {
		names = append(names, filepath.Join(dir, "signet", "signet.yaml"))
	}
	names = append(names, "/etc/signet/signet.yaml")
	if s.DevFile {
		names = append(names, filepath.Join(dataDir, DevFile))
	}
	return names
}

// xdgConfigHome returns the directory of the user's configuration files (XDG
// Base Directory Specification). It is empty if the environment sets neither
// XDG_CONFIG_HOME nor HOME.
func (s Sources) xdgConfigHome() string {
	if dir := s.variable("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	if home := s.variable("HOME"); home != "" {
		return filepath.Join(home, ".config")
	}
	return ""
}

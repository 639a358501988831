package app

import (
	"runtime/debug"

	"github.com/signetd/signet/internal/web"
)

// A Build identifies the program: its version, and the commit it was built
// from.
type Build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	// Script is the script for applications in the browser.
	Script web.ScriptFile `json:"signet.js"`
}

// ReadBuild returns the build information that the Go toolchain stored in the
// program.
func ReadBuild() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Build{Version: "unknown", Script: web.Script()}
	}
	b := Build{Version: info.Main.Version, Go: info.GoVersion, Script: web.Script()}
	if b.Version == "" {
		b.Version = "(devel)"
	}

	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

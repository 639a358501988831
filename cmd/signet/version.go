package main

import (
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build is which program this is.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
}

// buildVersion reads what the compiler wrote into the program.
func buildVersion() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return build{Version: "unknown"}
	}
	b := build{Version: info.Main.Version, Go: info.GoVersion}
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

func (p *program) versionCommand() *cobra.Command {
	c := &cobra.Command{Use: "version", Short: "Print which program this is", Args: cobra.NoArgs}
	sbom := c.Flags().Bool("sbom", false, "print the modules that it is made of, as a CycloneDX document")
	c.RunE = func(*cobra.Command, []string) error {
		if *sbom {
			return p.showBOM()
		}
		b := buildVersion()
		modified := ""
		if b.Modified {
			modified = "yes"
		}
		return p.show(b, sheet{
			{"version", b.Version}, {"revision", b.Revision}, {"time", b.Time}, {"modified", modified}, {"go", b.Go},
		}.print)
	}
	return c
}

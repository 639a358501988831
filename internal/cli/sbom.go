package cli

import (
	"errors"
	"runtime/debug"
)

// A bom is a software bill of materials in the format of CycloneDX 1.6.
type bom struct {
	Format      string `json:"bomFormat"`
	SpecVersion string `json:"specVersion"`
	Version     int    `json:"version"`
	Metadata    struct {
		Component component `json:"component"`
	} `json:"metadata"`
	Components []component `json:"components"`
}

// A component is a module, or the standard library.
type component struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl"`
}

// newBOM returns the modules that the Go toolchain linked into the program, and
// the standard library.
func newBOM() (bom, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return bom{}, errors.New("this program was built without the list of its modules")
	}
	b := bom{Format: "CycloneDX", SpecVersion: "1.6", Version: 1}
	b.Metadata.Component = newComponent("application", &info.Main)
	b.Components = []component{newComponent("library", &debug.Module{Path: "std", Version: info.GoVersion})}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		b.Components = append(b.Components, newComponent("library", m))
	}
	return b, nil
}

func newComponent(kind string, m *debug.Module) component {
	return component{Type: kind, Name: m.Path, Version: m.Version, PURL: "pkg:golang/" + m.Path + "@" + m.Version}
}

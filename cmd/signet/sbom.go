package main

import (
	"errors"
	"runtime/debug"
)

// A bom is a software bill of materials in the form of CycloneDX 1.6.
type bom struct {
	Format      string `json:"bomFormat"`
	SpecVersion string `json:"specVersion"`
	Version     int    `json:"version"`
	Metadata    struct {
		Component component `json:"component"`
	} `json:"metadata"`
	Components []component `json:"components"`
}

type component struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl"`
}

// madeOf returns the modules that the compiler says it put into the program, and the standard library.
func madeOf() (bom, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return bom{}, errors.New("this program was built without the list of its modules")
	}
	b := bom{Format: "CycloneDX", SpecVersion: "1.6", Version: 1}
	b.Metadata.Component = moduleComponent("application", &info.Main)
	b.Components = []component{moduleComponent("library", &debug.Module{Path: "std", Version: info.GoVersion})}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		b.Components = append(b.Components, moduleComponent("library", m))
	}
	return b, nil
}

// showBOM prints the bill of materials, which is JSON in any case.
func (p *program) showBOM() error {
	b, err := madeOf()
	if err != nil {
		return err
	}
	p.output = outputJSON
	return p.show(b, nil)
}

func moduleComponent(kind string, m *debug.Module) component {
	return component{Type: kind, Name: m.Path, Version: m.Version, PURL: "pkg:golang/" + m.Path + "@" + m.Version}
}

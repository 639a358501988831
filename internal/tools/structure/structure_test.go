package main

import (
	"slices"
	"strings"
	"testing"
)

func TestChecks(t *testing.T) {
	// A check finds exactly these faults in its directory of testdata.
	for check, faults := range map[string][]string{
		"doc": {
			`cmd/program:1: doc: the package has no doc.go with a comment that begins with "Command program "`,
			`elsewhere:1: doc: the package has no doc.go with a comment that begins with "Package elsewhere "`,
			`namesake:1: doc: the package has no doc.go with a comment that begins with "Package namesake "`,
			`silent:1: doc: the package has no doc.go with a comment that begins with "Package silent "`,
		},
		"methods": {
			`a/more.go:21: methods: many has 21 methods, more than 20`,
			`b/store.go:45: methods: Store has 21 methods, more than 20`,
		},
		"cycles": {
			`pair/a.go:1: cycles: uses second of b.go, which uses first, limit of it`,
			`types/a.go:1: cycles: uses item of b.go, which uses list of it`,
		},
		"width": {
			`x.go:15: width: 81 columns, more than 80`,
			`x.go:16: width: 121 columns, more than 120`,
			`x.go:8: width: 81 columns, more than 80`,
			`x_test.go:3: width: 81 columns, more than 80`,
		},
	} {
		t.Run(check, func(t *testing.T) {
			c := &checker{root: "testdata/" + check, checks: []string{check}}
			if err := c.run(); err != nil || !slices.Equal(c.faults, faults) {
				t.Errorf("run: %v, found\n%s\nwant\n%s", err, strings.Join(c.faults, "\n"), strings.Join(faults, "\n"))
			}
		})
	}
}

func TestUnknownCheckIsRefused(t *testing.T) {
	c := &checker{root: "testdata", checks: []string{"doc", "width "}}
	if err := c.run(); err == nil {
		t.Error("run accepted a check that does not exist")
	}
}

func TestDisabledChecksFindNothing(t *testing.T) {
	c := &checker{root: "testdata/width", checks: []string{"cycles"}}
	if err := c.run(); err != nil || len(c.faults) > 0 {
		t.Errorf("run: %v, found %q", err, c.faults)
	}
}

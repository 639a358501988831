// Package internal_test keeps the plan of the house: which rooms there are, who may import whom, and behind which wall each
// library stays. To change the plan, change the tables of this file and, in the same commit, the floor plan of the README.
package internal_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// module is the import path of the house.
const module = "github.com/signetd/signet"

// everything stands for all rooms but those of the proof.
const everything = "everything"

// rooms are all packages of the house and, for each, those of the house that its production code may import.
var rooms = map[string][]string{
	// roof
	"cmd/signet": {everything},
	// outside: what people who call us write
	"docs/examples/gateway": {"proto/signet/v1"},
	// doors
	"internal/rpc": {"internal/audit", "internal/client", "internal/login", "internal/grant", "internal/issuer", "internal/admin", "internal/oauth", "keys", "proto/signet/v1"},
	"internal/web": {"internal/client", "internal/grant", "internal/issuer", "internal/admin", "internal/oauth", "keys"},
	// rules
	"internal/client": {"internal/oauth", "internal/token", "internal/audit"},
	"internal/login":  {"internal/oauth", "internal/password", "internal/throttle", "internal/audit"},
	"internal/grant":  {"internal/oauth", "internal/client", "internal/token", "keys", "internal/audit"},
	"internal/issuer": {"internal/audit", "internal/client", "internal/login", "internal/grant", "internal/oauth", "internal/token", "internal/password", "internal/throttle", "keys"},
	"internal/admin":  {"internal/audit", "internal/client", "internal/login", "internal/grant", "internal/oauth", "internal/password", "internal/throttle", "keys"},
	// tools
	"internal/token":    {"internal/oauth", "keys", "internal/jws"},
	"verify":            {"internal/jws"},
	"verify/verifygrpc": {"verify"},
	"keys":              {"internal/seal"},
	"internal/cert":     {"internal/seal"},
	// ground
	"internal/oauth":     nil,
	"internal/audit":     nil,
	"internal/jws":       nil,
	"internal/seal":      nil,
	"internal/password":  nil,
	"internal/throttle":  nil,
	"internal/batch":     nil,
	"config":             {"keys"},
	"internal/telemetry": nil,
	"proto/signet/v1":    nil,
	// cellar
	"internal/sqlite":   {"internal/audit", "internal/client", "internal/login", "internal/grant", "internal/oauth", "keys", "internal/throttle", "internal/batch"},
	"internal/postgres": {"internal/audit", "internal/client", "internal/login", "internal/grant", "internal/oauth", "keys", "internal/throttle", "internal/batch"},
	// proof
	"internal/storetest": {"internal/audit", "internal/client", "internal/login", "internal/grant", "internal/issuer", "internal/admin", "internal/oauth", "internal/throttle", "keys"},
	"internal/pgtest":    {"internal/audit", "internal/client", "internal/login", "internal/grant", "internal/issuer", "internal/admin", "internal/oauth", "keys"},
	"internal/certtest":  nil,
}

// proof are the rooms that production code never imports.
var proof = []string{"internal/storetest", "internal/pgtest", "internal/certtest"}

// walls are the libraries, by import path or the beginning of it, and the rooms whose production code may import them. A
// package of the standard library that is not named here is open to all; any other library is open to nobody.
var walls = map[string][]string{
	"C":             nil, // no cgo
	"database/sql":  {"internal/sqlite", "internal/postgres", "internal/pgtest"},
	"html/template": {"internal/web"},
	"testing":       proof,

	"github.com/spf13/viper":            {"config"},
	"github.com/go-viper/mapstructure":  {"config"},
	"go.yaml.in/yaml":                   {"config", "cmd/signet"},
	"github.com/spf13/pflag":            {"config", "cmd/signet"},
	"github.com/spf13/cobra":            {"cmd/signet"},
	"golang.org/x/term":                 {"cmd/signet"},
	"golang.org/x/net":                  nil, // tests only
	"golang.org/x/sys":                  {"cmd/signet", "internal/seal", "internal/sqlite", "internal/pgtest"},
	"golang.org/x/sync":                 {"cmd/signet", "internal/batch", "internal/issuer", "internal/password"},
	"golang.org/x/text":                 {"internal/login", "internal/password"},
	"golang.org/x/crypto":               {"internal/password"},
	"github.com/lestrrat-go/jwx":        {"keys", "internal/token"},
	"github.com/jackc/pgx":              {"internal/postgres", "internal/pgtest"},
	"modernc.org/sqlite":                {"internal/sqlite"},
	"github.com/pressly/goose":          {"internal/sqlite", "internal/postgres"},
	"google.golang.org/grpc":            {"internal/rpc", "proto/signet/v1", "verify/verifygrpc", "cmd/signet", "docs/examples/gateway"},
	"google.golang.org/protobuf":        {"internal/rpc", "proto/signet/v1", "verify/verifygrpc", "cmd/signet"},
	"google.golang.org/genproto":        {"internal/rpc", "cmd/signet", "docs/examples/gateway"},
	"github.com/prometheus":             {"internal/telemetry"},
	"go.opentelemetry.io":               {"internal/telemetry"},
	"github.com/google/go-cmp":          proof,
	"pgregory.net/rapid":                proof,
	"go.uber.org/goleak":                proof,
	"github.com/c2sp/wycheproof":        nil, // tests only
	"github.com/rogpeppe/go-internal":   nil, // tests only
	"github.com/anishathalye/porcupine": nil, // tests only
}

// homeless are names that say nothing: a function without a home is a missing noun.
var homeless = []string{"utils", "util", "common", "models", "helpers", "types", "service", "mocks"}

// maxLines is the length at which a production file is refused.
const maxLines = 400

// noPromise is what every room says of itself that importers had better not build on.
const noPromise = "no compatibility to importers"

// promising says whether a room's name and types are an interface to other people, or a program.
func promising(dir string) bool {
	return strings.HasPrefix(dir, "proto/") || dir == "verify" || strings.HasPrefix(dir, "verify/") || strings.HasPrefix(dir, "cmd/") ||
		strings.HasPrefix(dir, "docs/examples/")
}

func TestFloor(t *testing.T) {
	faults, seen := survey(os.DirFS(".."))
	for _, fault := range faults {
		t.Error(fault)
	}
	for _, dir := range []string{"internal/oauth", "internal/issuer", "keys", "proto/signet/v1"} {
		if !slices.Contains(seen, dir) {
			t.Errorf("%s was not surveyed; saw %q", dir, seen)
		}
	}
}

func TestPlanNamesItsOwnRooms(t *testing.T) {
	for what, named := range map[string]map[string][]string{"arrow of": rooms, "wall of": walls} {
		for name, dirs := range named {
			for _, dir := range dirs {
				if _, ok := rooms[dir]; !ok && dir != everything {
					t.Errorf("%s %s: %s is not a room", what, name, dir)
				}
			}
		}
	}
}

// sound is a small house without a fault.
var sound = map[string]string{
	"go.mod":                      "module " + module,
	"cmd/signet/doc.go":           "// Command signet issues tokens.\npackage main\n",
	"cmd/signet/main.go":          "package main\n\nimport (\n\t\"" + module + "/internal/rpc\"\n\t\"github.com/spf13/cobra\"\n)\n",
	"internal/rpc/doc.go":         "// Package rpc is the door. It promises no\n// compatibility to importers.\npackage rpc\n",
	"internal/rpc/rpc.go":         "package rpc\n\nimport (\n\t\"fmt\"\n\t\"google.golang.org/grpc/codes\"\n\t\"" + module + "/internal/issuer\"\n)\n\n// A Door opens.\ntype Door struct{ Key int }\n\n// Open does.\nfunc (d *Door) Open() {}\n\nfunc (d *door) Open() {}\n\n// A Gate opens.\ntype Gate interface {\n\t// Open opens.\n\tOpen()\n\tShut() // undoes it\n}\n",
	"internal/rpc/rpc_test.go":    "package rpc_test\n\nimport (\n\t\"testing\"\n\t\"" + module + "/internal/storetest\"\n\t\"github.com/jackc/pgx/v5\"\n)\n\nfunc TestX(t *testing.T) {}\n",
	"proto/signet/v1/doc.go":      "// Package signetv1 is the wire.\npackage signetv1\n",
	"proto/signet/v1/key.pb.go":   "// Code generated by a generator. DO NOT EDIT.\n\npackage signetv1\n\nimport \"google.golang.org/grpc\"\n\ntype Bare int\n" + strings.Repeat("\n", maxLines),
	"internal/rpc/testdata/x.go":  "not Go",
	"internal/interop/go.mod":     "module " + module + "/internal/interop",
	"internal/interop/interop.go": "package utils\n\nimport \"example.org/anything\"\n",
}

func TestSurveyFindsFaults(t *testing.T) {
	if faults, _ := survey(house(nil)); len(faults) > 0 {
		t.Fatalf("a sound house has faults: %q", faults)
	}
	rpc := "package rpc\n\nimport _ \"" + module + "/"
	for name, c := range map[string]struct{ file, text, want string }{
		"arrow":             {"internal/rpc/x.go", rpc + "internal/sqlite\"\n", "internal/rpc/x.go: internal/rpc may not import internal/sqlite"},
		"arrow up":          {"internal/rpc/x.go", rpc + "cmd/signet\"\n", "may not import cmd/signet"},
		"proof from roof":   {"cmd/signet/x.go", "package main\n\nimport _ \"" + module + "/internal/storetest\"\n", "may not import internal/storetest"},
		"library":           {"internal/rpc/x.go", "package rpc\n\nimport _ \"github.com/spf13/viper\"\n", "may not import github.com/spf13/viper"},
		"library's part":    {"internal/rpc/x.go", "package rpc\n\nimport _ \"github.com/lestrrat-go/jwx/v2/jwt\"\n", "may not import github.com/lestrrat-go/jwx/v2/jwt"},
		"unknown library":   {"internal/rpc/x.go", "package rpc\n\nimport _ \"example.org/x\"\n", "the plan has no library example.org/x"},
		"near namesake":     {"internal/rpc/x.go", "package rpc\n\nimport _ \"google.golang.org/grpcx\"\n", "the plan has no library google.golang.org/grpcx"},
		"standard library":  {"internal/rpc/x.go", "package rpc\n\nimport _ \"html/template\"\n", "may not import html/template"},
		"cgo":               {"internal/rpc/x.go", "package rpc\n\nimport \"C\"\n", "may not import C"},
		"unknown room":      {"internal/attic/doc.go", "// Package attic promises no compatibility to importers.\npackage attic\n", "the plan has no room internal/attic"},
		"room outside":      {"doc.go", "// Package signet promises no compatibility to importers.\npackage signet\n", "the plan has no room ."},
		"no doc.go":         {"internal/jws/jws.go", "package jws\n", "internal/jws has no doc.go"},
		"silent doc.go":     {"internal/rpc/doc.go", "package rpc\n", "internal/rpc/doc.go: the package comment does not begin with \"Package rpc \""},
		"no word on import": {"internal/rpc/doc.go", "// Package rpc is the door.\npackage rpc\n", "does not say that it promises no compatibility to importers"},
		"homeless package":  {"internal/rpc/x_test.go", "package helpers\n", "helpers is not the name of a noun"},
		"homeless room":     {"internal/utils/a_test.go", "package a\n", "utils is not the name of a noun"},
		"long file":         {"internal/rpc/x.go", "package rpc\n" + strings.Repeat("\n", maxLines), "internal/rpc/x.go has 401 lines"},
		"bare function":     {"internal/rpc/x.go", "package rpc\n\nfunc Bare() {}\n", "internal/rpc/x.go: Bare has no comment"},
		"bare method":       {"internal/rpc/x.go", "package rpc\n\nfunc (d Door) Bare() {}\n", "Door.Bare has no comment"},
		"bare generic":      {"internal/rpc/x.go", "package rpc\n\nfunc (d *Door[T]) Bare() {}\n", "Door.Bare has no comment"},
		"bare type":         {"internal/rpc/x.go", "package rpc\n\ntype Bare int\n", "Bare has no comment"},
		"bare constant":     {"internal/rpc/x.go", "package rpc\n\nconst (\n\t// Dressed is.\n\tDressed = 1\n\tBare = 2\n)\n", "Bare has no comment"},
		"bare variable":     {"internal/rpc/x.go", "package rpc\n\nvar Bare int\n", "Bare has no comment"},
		"bare promise":      {"internal/rpc/x.go", "package rpc\n\n// An Opener opens.\ntype Opener interface{ Open() }\n", "Opener.Open has no comment"},
		"not Go":            {"internal/rpc/x.go", "not Go", "internal/rpc/x.go:1:1: expected 'package'"},
	} {
		t.Run(name, func(t *testing.T) {
			faults, _ := survey(house(map[string]string{c.file: c.text}))
			if len(faults) != 1 || !strings.Contains(faults[0], c.want) {
				t.Errorf("faults %q, want the one %q", faults, c.want)
			}
		})
	}
}

// house returns the sound house with some files added or changed.
func house(changed map[string]string) fstest.MapFS {
	files := maps.Clone(sound)
	maps.Copy(files, changed)
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestHTTPPage runs the commands of docs/http.md in one shell.
func TestHTTPPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/http.md")
	if err != nil {
		t.Fatal(err)
	}
	p := scripts("testdata/http")
	p.Cmds["page"] = func(ts *testscript.TestScript, _ bool, _ []string) {
		ts.Check(ts.Exec("bash", "-eo", "pipefail", "-c", strings.Join(shellBlocks(string(text)), "")))
	}
	p.Cmds["replacedemoclient"] = replaceDemoClient
	testscript.Run(t, p)
}

// replaceDemoClient writes the client of a file, which clients create has
// printed, into dev.json.
func replaceDemoClient(ts *testscript.TestScript, _ bool, args []string) {
	var demo, created map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("data/dev.json")), &demo))
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &created))
	demo["client_id"], demo["client_secret"] = created["id"], created["client_secret"]
	text, err := json.Marshal(demo)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("data/dev.json"), text, 0o600))
}

// curl replaces curl for the flags that the pages use. It calls the ports of
// the test in place of the default ports.
func curl() {
	method, address, form, header := http.MethodGet, "", []string(nil), http.Header{}
	for args := os.Args[1:]; len(args) > 0; args = args[1:] {
		switch args[0] {
		case "-sS":
			continue
		case "-u":
			header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(args[1])))
		case "-d":
			method, form = http.MethodPost, append(form, args[1])
			header.Set("Content-Type", "application/x-www-form-urlencoded")
		case "-H":
			name, value, _ := strings.Cut(args[1], ": ")
			header.Set(name, value)
		default:
			address = args[0]
			continue
		}
		args = args[1:]
	}
	for standard, name := range map[string]string{"127.0.0.1:8080": "HTTP", "127.0.0.1:8081": "OPS"} {
		if free := os.Getenv(name); free != "" {
			address = strings.Replace(address, standard, free, 1)
		}
	}
	body := strings.NewReader(strings.Join(form, "&"))
	r, err := http.NewRequestWithContext(context.Background(), method, address, body)
	exitIf(err)
	r.Header = header
	exitIf(printResponse(r))
}

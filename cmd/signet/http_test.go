package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestHTTPPage runs the commands of docs/http.md as they stand there, in one shell.
func TestHTTPPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/http.md")
	if err != nil {
		t.Fatal(err)
	}
	p := scripts("testdata/http")
	p.Cmds["page"] = func(ts *testscript.TestScript, _ bool, _ []string) {
		ts.Check(ts.Exec("bash", "-eo", "pipefail", "-c", strings.Join(shellBlocks(string(text)), "")))
	}
	testscript.Run(t, p)
}

// curl stands for curl, with those of its flags that our pages use. It calls the free ports that the test has in place of
// the usual ones.
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
	for usual, door := range map[string]string{"127.0.0.1:8080": "HTTP", "127.0.0.1:8081": "OPS"} {
		if at := os.Getenv(door); at != "" {
			address = strings.Replace(address, usual, at, 1)
		}
	}
	r, err := http.NewRequestWithContext(context.Background(), method, address, strings.NewReader(strings.Join(form, "&")))
	quitIf(err)
	r.Header = header
	quitIf(printAnswer(r))
}

// jq stands for jq: it prints one member of a file with a JSON object, jq -r .NAME FILE.
func jq() {
	text, err := os.ReadFile(os.Args[3])
	quitIf(err)
	var object map[string]any
	quitIf(json.Unmarshal(text, &object))
	fmt.Println(object[strings.TrimPrefix(os.Args[2], ".")])
}

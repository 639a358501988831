package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestReadme runs the commands of README.md.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := shellBlocks(string(text))
	p := scripts("testdata/readme")
	p.Cmds["shows"] = func(ts *testscript.TestScript, _ bool, args []string) {
		if !slices.Contains(blocks, args[0]+"\n") {
			ts.Fatalf("README.md does not have %q", args[0])
		}
	}
	p.Cmds["readme"] = func(ts *testscript.TestScript, _ bool, _ []string) {
		ran := 0
		for _, block := range blocks {
			if notRun.MatchString(block) {
				continue
			}
			ts.Logf("README.md: %s", block)
			ts.Check(ts.Exec("bash", "-eo", "pipefail", "-c", block))
			ran++
		}
		if ran < 5 {
			ts.Fatalf("only %d of %d blocks ran", ran, len(blocks))
		}
	}
	testscript.Run(t, p)
}

// notRun matches the commands that the script runs in the background, and those
// that no test can run.
var notRun = regexp.MustCompile(`^(go run \./cmd/signet serve|\./test|docker|apt)`)

// shellBlocks returns the text of the ```sh blocks of a document.
func shellBlocks(text string) []string {
	var blocks []string
	for _, part := range strings.Split(text, "```sh\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		blocks = append(blocks, block)
	}
	return blocks
}

// runFromSource replaces `go run ./cmd/signet …`: it runs this program.
func runFromSource() {
	if len(os.Args) < 3 || os.Args[1] != "run" || os.Args[2] != "./cmd/signet" {
		fmt.Fprintln(os.Stderr, "this go command only runs ./cmd/signet")
		os.Exit(2)
	}
	os.Args = append([]string{"signet"}, os.Args[3:]...)
	main()
}

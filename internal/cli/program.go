package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
)

// A program is one run of signet: its standard streams and the flags that all
// commands share.
type program struct {
	in       *os.File
	out, err io.Writer
	// configFile is the --config flag; empty means the usual paths.
	configFile string
	// settings are the --set flags.
	settings []string
	output   outputFormat
	// warnings name inputs of the configuration that have no effect.
	warnings []string
	// log reports why a server cannot start or go on, if its log is in JSON. It
	// is nil in every other case.
	log *slog.Logger
	// lines reads standard input when it is not a terminal.
	lines *bufio.Scanner
}

// printResult prints the result of a command: as JSON, or by the function text.
// It returns an error unless all of the result is written.
func (p *program) printResult(result any, text func(w io.Writer)) error {
	if p.output == outputJSON {
		return p.printJSON(result)
	}
	var b bytes.Buffer
	text(&b)
	_, err := p.out.Write(b.Bytes())
	return wrapError("print the result", err)
}

// printJSON prints the result of a command as JSON.
func (p *program) printJSON(result any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(result); err != nil {
		return err
	}
	_, err := p.out.Write(b.Bytes())
	return wrapError("print the result", err)
}

// printDone prints what a command did to one object.
func (p *program) printDone(kind, name, done string) error {
	return p.printResult(map[string]string{kind: name, "done": done}, func(w io.Writer) {
		fmt.Fprintf(w, "%s %s: %s\n", kind, printable(name), done)
	})
}

package testbed

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/signetd/signet/cmd/signet-lab/internal/reference"
)

// A command is a server program with what it needs to start.
type command struct {
	program string
	args    []string
	env     []string
	input   []byte // for standard input
	// readAddresses finds the listeners' addresses in the server's output.
	readAddresses func(*bufio.Scanner) (reference.Addresses, error)
}

// start starts a server that Close stops. It waits for the addresses of the
// server's listeners and returns them with the process ID.
func (b *Testbed) start(ctx context.Context, s command) (reference.Addresses, int, error) {
	c := exec.CommandContext(context.WithoutCancel(ctx), s.program, s.args...)
	c.Env, c.Stdin = s.env, bytes.NewReader(s.input)
	output, write, err := os.Pipe()
	if err != nil {
		return reference.Addresses{}, 0, err
	}
	c.Stdout, c.Stderr = write, write
	err = c.Start()
	_ = write.Close() // the server has its own descriptor
	if err != nil {
		return reference.Addresses{}, 0, err
	}
	b.OnClose(func() {
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait()
	})

	addresses, err := s.readAddresses(bufio.NewScanner(output))
	// Discard the rest of the output, so that the server is never blocked.
	go func() { _, _ = io.Copy(io.Discard, output) }()
	return addresses, c.Process.Pid, err
}

// readJSON reads the addresses from the first line, which is JSON.
func readJSON(lines *bufio.Scanner) (a reference.Addresses, err error) {
	lines.Scan()
	return a, json.Unmarshal(lines.Bytes(), &a)
}

// readLog reads an issuer's JSON log until it has the addresses of the gRPC and
// HTTP listeners.
func readLog(lines *bufio.Scanner) (a reference.Addresses, err error) {
	var last string
	for lines.Scan() {
		last = lines.Text()
		var line struct {
			Message  string `json:"msg"`
			Listener string `json:"listener"`
			Address  string `json:"address"`
		}
		if json.Unmarshal(lines.Bytes(), &line) != nil || line.Message != "listening" {
			continue
		}

		switch line.Listener {
		case "grpc":
			a.GRPC = line.Address
		case "http":
			a.HTTP = line.Address
		}
		if a.GRPC != "" && a.HTTP != "" {
			return a, nil
		}
	}
	return a, fmt.Errorf("issuer did not start: %s", last)
}

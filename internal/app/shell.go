package app

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/signetd/signet/config"
)

// shellQuote returns text as one word of a POSIX shell.
func shellQuote(text string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@%+=,-"
	if text != "" && strings.Trim(text, plain) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// clientCommand returns the command line by which a user starts this program
// again, so that it finds the configuration of this process. A program that
// `go run` started is started by `go run` again.
func clientCommand(c config.Config) string {
	command := shellQuote(os.Args[0])
	if self, err := os.Executable(); err == nil && strings.Contains(filepath.ToSlash(self), "/go-build") {
		command = "go run github.com/signetd/signet/cmd/signet" // works in every directory of the module
		if _, err := os.Stat("cmd/signet/main.go"); err == nil {
			command = "go run ./cmd/signet"
		}
	}
	if c.File != "" || c.Origins["data_dir"] != config.FromDefault {
		command += " --config " + shellQuote(filepath.Join(c.DataDir, config.DevFile))
	}
	return command
}

// fetchCommand returns a command that prints the document at a URL: with curl,
// with wget, or with bash alone, as this machine has them.
func fetchCommand(url string) string {
	for _, program := range []struct{ name, command string }{{"curl", "curl -sS "}, {"wget", "wget -qO- "}} {
		if _, err := exec.LookPath(program.name); err == nil {
			return program.command + url
		}
	}
	host, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	name, port := host[:strings.LastIndex(host, ":")], host[strings.LastIndex(host, ":")+1:]
	return fmt.Sprintf(`bash -c 'exec 3<>/dev/tcp/%s/%s && printf "GET /%s HTTP/1.0\r\n\r\n" >&3 && cat <&3'`,
		strings.Trim(name, "[]"), port, path)
}

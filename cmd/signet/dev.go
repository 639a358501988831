package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/keys"
)

// devFacts is dev.json: what a client of the demo must know.
type devFacts struct {
	Issuer       string `json:"issuer"`
	GRPC         string `json:"grpc"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Audience     string `json:"audience"`
	Username     string `json:"username"`
	Password     string `json:"password"`
}

// The names in the demo.
const (
	demoClient   = "demo-client"
	demoAudience = "demo-api"
	demoUser     = "demo"
)

// fillDev returns the configuration of `serve --dev`: what nobody gave and has no default that works, is filled in.
func fillDev(s config.Sources) (config.Config, error) {
	s.Dev = map[string]string{"issuer": "http://localhost"} // until the address is known
	cfg, err := loadFrom(s)
	if err != nil {
		return cfg, err
	}
	s.Dev = map[string]string{
		"issuer": scheme(cfg.TLS) + reachable(cfg.HTTP.Address), "grpc.reflection": "true", "shutdown.drain": "0s", "log.format": "text",
	}
	return loadFrom(s)
}

// scheme returns how the URL of the HTTP door begins.
func scheme(c config.TLS) string {
	if c.On() {
		return "https://"
	}
	return "http://"
}

// introduceDev says that this is no production, what was filled in, and keeps it for the other commands.
func (s *server) introduceDev() error {
	path := filepath.Join(s.cfg.DataDir, config.DevFile)
	values, err := settings(s.cfg)
	if err != nil {
		return err
	}
	s.say("This is --dev: NOT SAFE FOR PRODUCTION. %s", danger(s.cfg.TLS))
	s.say("Filled in because nobody gave it:")
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if s.cfg.Origins[key] == config.FromDev {
			s.say("  %s: %v", key, values[key])
		}
	}
	s.say("The other commands read it from %s when no configuration is given.", path)
	return seal.WriteFile(path, devYAML(s.cfg, values))
}

func danger(c config.TLS) string {
	if c.On() {
		return "The demo's secrets lie in files."
	}
	return "Passwords and tokens travel in plain text, and the demo's lie in files."
}

func (s *server) say(format string, args ...any) { fmt.Fprintf(s.program.out, format+"\n", args...) }

// settings returns the configuration by key, as a file spells it, without what must stay hidden.
func settings(c config.Config) (map[string]any, error) {
	sections, err := c.Redacted()
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	for name, value := range sections {
		section, ok := value.(map[string]any)
		if !ok {
			values[name] = value
		}
		for key, value := range section {
			values[name+"."+key] = value
		}
	}
	if values["store.url"] != string(c.Store.URL) {
		delete(values, "store.url")
	}
	return values, nil
}

// devYAML returns the file with all that is not a default, wherever it came from, so that it stands alone.
func devYAML(c config.Config, values map[string]any) []byte {
	text, last := "# Made by signet serve --dev each time it starts; not for production.\n", ""
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if c.Origins[key] == config.FromDefault {
			continue
		}
		value, err := json.Marshal(values[key]) // JSON is YAML
		if err != nil {
			continue // there is nothing but text, numbers and booleans
		}
		section, name, ok := strings.Cut(key, ".")
		switch {
		case !ok:
			text += fmt.Sprintf("%s: %s\n", key, value)
		case section != last:
			text += section + ":\n"
			fallthrough
		default:
			text += fmt.Sprintf("  %s: %s\n", name, value)
		}
		last = section
	}
	return []byte(text)
}

// makeDemo puts a client, an audience and a user with random secrets into an empty store, and their facts into dev.json. A
// demo that is there already stays, at the addresses of now.
func (s *server) makeDemo(ctx context.Context) error {
	path := filepath.Join(s.cfg.DataDir, devFactsFile)
	directory, err := s.admin.Directory(ctx)
	if err != nil {
		return err
	}
	users, err := s.admin.Users(ctx, "", 1)
	if err != nil {
		return err
	}
	facts := devFacts{}
	if len(directory.Clients)+len(directory.Audiences)+len(users) == 0 {
		if facts, err = s.fillStore(ctx); err != nil {
			return err
		}
		s.say("Made for the demo: the client %s, the audience %s and the user %s; their secrets are in %s.",
			facts.ClientID, facts.Audience, facts.Username, path)
	} else if err := readOwnJSON(path, &facts); err != nil {
		return err
	}
	if facts.ClientID == "" {
		s.say("The store is not empty, so nothing was made for a demo, and there is no %s.", path)
		return nil
	}
	facts.Issuer, facts.GRPC = s.cfg.Issuer, reachable(s.cfg.GRPC.Address)
	return writeOwnJSON(path, facts)
}

func (s *server) fillStore(ctx context.Context) (devFacts, error) {
	by := s.operator()
	facts := devFacts{Audience: demoAudience, Username: demoUser, Password: rand.Text()}
	_, err := s.admin.CreateAudience(ctx, by, client.Audience{ID: facts.Audience, Algorithm: keys.RS256})
	if err != nil {
		return facts, err
	}
	c, secret, err := s.admin.CreateClient(ctx, by, client.Client{
		ID: demoClient, Name: "The demo's client", Audiences: []string{facts.Audience}, Scope: oauth.NewScope("read", "write"),
	})
	if err != nil {
		return facts, err
	}
	facts.ClientID, facts.ClientSecret = c.ID, secret
	_, err = s.admin.CreateUser(ctx, by, facts.Username, facts.Password, nil)
	return facts, err
}

// sayHow prints the addresses, and three commands for a second terminal.
func (s *server) sayHow(d doors) {
	jwks := scheme(s.cfg.TLS) + reachable(d.httpAt.String()) + "/.well-known/jwks.json"
	s.say("HTTP on %s%s, gRPC on %s, health and profiles on http://%s", scheme(s.cfg.TLS), d.httpAt, d.grpcAt, s.cfg.Ops.Address)
	s.say("\nIn a second terminal, one after the other: log in, fetch the JWK Set, refresh.\n")
	s.say("  %s login", s.program.again(s.cfg))
	if s.cfg.TLS.On() {
		s.say("  curl -sS --cacert %s %s", shellQuote(s.cfg.TLS.CertFile), jwks)
	} else {
		s.say("  %s", fetching(jwks))
	}
	s.say("  %s refresh\n", s.program.again(s.cfg))
}

// again returns how this program is called a second time, so that it finds what this one made.
func (p *program) again(c config.Config) string {
	command := shellQuote(os.Args[0])
	if self, err := os.Executable(); err == nil && strings.Contains(filepath.ToSlash(self), "/go-build") {
		command = "go run github.com/signetd/signet/cmd/signet" // which works in every folder of the module
		if isFile("cmd/signet/main.go") {
			command = "go run ./cmd/signet"
		}
	}
	if c.File != "" || c.Origins["data_dir"] != config.FromDefault {
		command += " --config " + shellQuote(filepath.Join(c.DataDir, config.DevFile))
	}
	return command
}

// fetching returns a command that prints what is at a URL, with what this machine has.
func fetching(url string) string {
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

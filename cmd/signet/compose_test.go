package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/signetd/signet/internal/pgtest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A composition is what this test reads of docker-compose.yml.
type composition struct {
	Services map[string]struct {
		Environment map[string]string
		Command     []string
	}
}

// defaulted is ${NAME:-value}, which stands for value where nobody sets NAME.
var defaulted = regexp.MustCompile(`\$\{[A-Z_]+:-([^}]*)\}`)

func readComposition(t *testing.T) composition {
	t.Helper()
	text, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var c composition
	if err := yaml.Unmarshal(defaulted.ReplaceAll(text, []byte("$1")), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// container returns a machine with the environment of a service, with the places of this machine in it.
func (c composition) container(t *testing.T, service, database, kek string) *machine {
	t.Helper()
	m := newMachine(t)
	m.env = []string{"PATH=" + os.Getenv("PATH"), endAtOnce, "SIGNET_OPS_ADDRESS=" + m.at} // of the others each container has its own
	environment := c.Services[service].Environment
	replaced := map[string]func(old string) string{
		"SIGNET_STORE_URL":    func(string) string { return database },
		"SIGNET_KEK_FILE":     func(string) string { return kek },
		"SIGNET_HTTP_ADDRESS": func(old string) string { return withPort(t, old, m.http) },
		"SIGNET_GRPC_ADDRESS": func(old string) string { return withPort(t, old, m.grpc) },
	}
	for name, value := range environment {
		if replace, ok := replaced[name]; ok {
			value = replace(value)
			delete(replaced, name)
		}
		m.env = append(m.env, name+"="+value)
	}
	if len(replaced) > 0 {
		t.Fatalf("docker-compose.yml does not set all of %v for %s", replaced, service)
	}
	return m
}

// withPort returns an address as the container has it, with a port that is free here.
func withPort(t *testing.T, address, free string) string {
	t.Helper()
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(free)
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort(host, port)
}

// volume is the path at which the containers have the KEK file's folder.
var volume = regexp.MustCompile(`(^|[\s>])/kek`)

// makeKEK runs what the service kek runs, in a folder of this machine and for this user.
func (c composition) makeKEK(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	script := volume.ReplaceAllString(strings.Join(c.Services["kek"].Command, "\n"), "${1}"+dir)
	script = strings.ReplaceAll(script, "chown 65532:65532", ":")
	var made []byte
	for range 2 { // the second start of the composition leaves it alone
		if out, err := exec.Command("sh", "-euc", script).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		now, err := os.ReadFile(filepath.Join(dir, "kek"))
		if err != nil || made != nil && !bytes.Equal(made, now) {
			t.Fatalf("the second start made another KEK file, or none: %v", err)
		}
		made = now
	}
	return filepath.Join(dir, "kek")
}

// TestComposition starts the processes of docker-compose.yml with their environment, on one database and one KEK file, and
// goes from one issuer to the other between refreshes.
func TestComposition(t *testing.T) {
	t.Parallel() // it mostly waits
	c, database := readComposition(t), pgtest.Empty(t)
	kek := c.makeKEK(t)
	operator := c.container(t, "migrate", database, kek)
	operator.signet("", c.Services["migrate"].Command...)

	names := []string{"issuer-a", "issuer-b"}
	var machines []*machine
	var servers []*process
	for _, name := range names { // at once: one of them makes the keys
		m := c.container(t, name, database, kek)
		machines, servers = append(machines, m), append(servers, m.start())
	}
	for _, s := range servers {
		s.ready()
		s.m.signet("", "healthcheck")
	}
	operator.signet("", "audiences", "create", "api")
	operator.signet("", "clients", "create", "app", "--public", "--audience", "api", "--scope", "read")
	operator.signet("a long and secret phrase\n", "users", "create", "ada")

	devices := make([]*device, len(machines))
	for i, m := range machines {
		devices[i] = &device{
			t: t, tokens: tokens(t, m.grpc), facts: devFacts{ClientID: "app", Username: "ada", Password: "a long and secret phrase"},
		}
	}
	// The new client is known everywhere after a poll; until then a server reads anew before it refuses.
	if err := devices[0].login(); err != nil {
		t.Fatal(err)
	}
	travel(t, devices, 10)
	sameKeys(t, machines)

	// One of them dies without a word; the other goes on with the login, until the user is disabled.
	servers[0].kill()
	devices[1].keep(devices[0].token)
	travel(t, devices[1:], 3)
	operator.signet("", "users", "disable", "ada")
	if err := devices[1].refresh(); err == nil {
		t.Error("the grant of a disabled user was refreshed")
	}
	// It comes back and answers as the other does.
	servers[0] = machines[0].start().ready()
	operator.signet("", "users", "enable", "ada")
	devices[0].token, devices[0].key = devices[1].token, devices[1].key
	travel(t, devices, 4)
	for _, s := range servers {
		if err := s.c.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range servers {
		if err := s.drained(); err != nil {
			t.Errorf("%s: %v", s.m.dir, err)
		}
	}
}

// travel refreshes one login at one issuer after the other. Each answer's access token must be good at all of them.
func travel(t *testing.T, devices []*device, steps int) {
	t.Helper()
	token, key := devices[0].token, devices[0].key
	for i := range steps {
		d := devices[i%len(devices)]
		d.token, d.key = token, key
		ctx, cancel := as(t, d.facts.ClientID, "")
		answer, err := d.tokens.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: d.token, IdempotencyKey: d.key})
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		d.keep(answer.GetRefreshToken())
		token, key = d.token, d.key
		for _, other := range devices {
			found, err := other.tokens.Introspect(ctx, &signetv1.IntrospectRequest{Token: answer.GetAccessToken()})
			if err != nil || !found.GetActive() {
				t.Fatalf("step %d: introspection says %v, %v", i, found, err)
			}
		}
		cancel()
	}
	for _, d := range devices {
		d.token, d.key = token, key
	}
}

// sameKeys wants one JWK Set from all issuers, as soon as each has looked at the ring again: while a key is being made they may
// differ for a poll.
func sameKeys(t *testing.T, machines []*machine) {
	t.Helper()
	var sets []string
	if !eventually(func() bool {
		sets = nil
		for _, m := range machines {
			sets = append(sets, jwkSetOf(t, m))
		}
		return len(slices.Compact(slices.Clone(sets))) == 1 && strings.Contains(sets[0], `"kid"`)
	}) {
		t.Errorf("the JWK Sets differ: %s", sets)
	}
}

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
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/signetd/signet/internal/app"
	"github.com/signetd/signet/internal/pgtest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// composeFile is the part of docker-compose.yml that this test reads.
type composeFile struct {
	Services map[string]struct {
		Environment map[string]string
		Command     []string
	}
}

// withDefault matches ${NAME:-value}, which stands for value if NAME is not
// set.
var withDefault = regexp.MustCompile(`\$\{[A-Z_]+:-([^}]*)\}`)

func readComposeFile(t *testing.T) composeFile {
	t.Helper()
	text, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var c composeFile
	if err := yaml.Unmarshal(withDefault.ReplaceAll(text, []byte("$1")), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// container returns a machine with the environment of a service. Paths, the
// database and the ports are those of this test.
func (c composeFile) container(t *testing.T, service, database, kek string) *machine {
	t.Helper()
	m := newMachine(t)
	// Every container has its own ops.address, which the file does not set.
	m.env = []string{"PATH=" + os.Getenv("PATH"), fastExit, "SIGNET_OPS_ADDRESS=" + m.ops}
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

// withPort returns an address with the port of another address.
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

// volume matches the path at which the containers mount the directory of the
// KEK file.
var volume = regexp.MustCompile(`(^|[\s>])/kek`)

// createKEK runs the command of the service kek twice, in a directory of this
// machine, and returns the path of the KEK file. The second run must not change
// the file.
func (c composeFile) createKEK(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	script := volume.ReplaceAllString(strings.Join(c.Services["kek"].Command, "\n"), "${1}"+dir)
	script = strings.ReplaceAll(script, "chown 65532:65532", ":")
	var created []byte
	for range 2 {
		if out, err := exec.Command("sh", "-euc", script).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		now, err := os.ReadFile(filepath.Join(dir, "kek"))
		if err != nil || created != nil && !bytes.Equal(created, now) {
			t.Fatalf("the second run created another KEK file or none: %v", err)
		}
		created = now
	}
	return filepath.Join(dir, "kek")
}

// The test starts the services of docker-compose.yml with their environment, on
// one database and one KEK file. A login is refreshed at both issuers in turn.
func TestComposeFile(t *testing.T) {
	t.Parallel() // it mostly waits
	c, database := readComposeFile(t), pgtest.Empty(t)
	kek := c.createKEK(t)
	operator := c.container(t, "migrate", database, kek)
	operator.signet("", c.Services["migrate"].Command...)

	names := []string{"issuer-a", "issuer-b"}
	var machines []*machine
	var servers []*process
	for _, name := range names { // they start together, and one of them creates the keys
		m := c.container(t, name, database, kek)
		machines, servers = append(machines, m), append(servers, m.start())
	}
	for _, s := range servers {
		s.ready()
		s.m.signet("", "healthcheck")
	}
	const password = "a long and secret phrase"
	operator.signet("", "audiences", "create", "api")
	operator.signet("", "clients", "create", "app", "--public", "--audience", "api", "--scope", "read")
	operator.signet(password+"\n", "users", "create", "ada")

	devices := make([]*device, len(machines))
	for i, m := range machines {
		devices[i] = &device{
			t: t, tokens: tokens(t, m.grpc),
			credentials: app.Demo{ClientID: "app", Username: "ada", Password: password},
		}
	}
	if err := devices[0].login(); err != nil {
		t.Fatal(err)
	}
	refreshInTurn(t, devices, 10)
	checkSameJWKSets(t, machines)

	// One server dies. The other one serves the login until the user is
	// disabled.
	servers[0].kill()
	devices[1].store(devices[0].token)
	refreshInTurn(t, devices[1:], 3)
	operator.signet("", "users", "disable", "ada")
	if err := devices[1].refresh(); err == nil {
		t.Error("the grant of a disabled user was refreshed")
	}

	if testing.Short() {
		t.Skip("the second half waits six seconds until tokens of an enabled user are active, and for the drain")
	}

	// After a restart the server answers as the other one does.
	servers[0] = machines[0].start().ready()
	operator.signet("", "users", "enable", "ada")
	// The entry about the disabled user concerns the tokens of the next six
	// seconds, too.
	if !eventually(func() bool { return devices[1].refreshActive(devices) }) {
		t.Error("no token of the enabled user is active")
	}
	devices[0].token, devices[0].key = devices[1].token, devices[1].key
	refreshInTurn(t, devices, 4)
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

// refreshInTurn refreshes one login at one issuer after another. All issuers
// must report each access token as active.
func refreshInTurn(t *testing.T, devices []*device, steps int) {
	t.Helper()
	token, key := devices[0].token, devices[0].key
	for i := range steps {
		d := devices[i%len(devices)]
		d.token, d.key = token, key
		response, err := d.refreshOnce()
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		token, key = d.token, d.key

		ctx, cancel := asClient(t, d.credentials.ClientID, "")
		for _, other := range devices {
			found, err := other.tokens.Introspect(ctx, &signetv1.IntrospectRequest{Token: response.GetAccessToken()})
			if err != nil || !found.GetActive() {
				t.Fatalf("step %d: introspection returns %v, %v", i, found, err)
			}
		}
		cancel()
	}
	for _, d := range devices {
		d.token, d.key = token, key
	}
}

// refreshActive refreshes once, and reports whether all issuers report the
// access token as active. Otherwise it pauses.
func (d *device) refreshActive(issuers []*device) bool {
	response, err := d.refreshOnce()
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := asClient(d.t, d.credentials.ClientID, "")
	defer cancel()
	for _, i := range issuers {
		found, err := i.tokens.Introspect(ctx, &signetv1.IntrospectRequest{Token: response.GetAccessToken()})
		if err != nil {
			d.t.Fatal(err)
		}
		if !found.GetActive() {
			<-time.After(200 * time.Millisecond)
			return false
		}
	}
	return true
}

// checkSameJWKSets checks that all issuers publish the same JWK Set. They may
// differ until each has polled the key ring.
func checkSameJWKSets(t *testing.T, machines []*machine) {
	t.Helper()
	var sets []string
	if !eventually(func() bool {
		sets = nil
		for _, m := range machines {
			sets = append(sets, fetchJWKSet(t, m))
		}
		return len(slices.Compact(slices.Clone(sets))) == 1 && strings.Contains(sets[0], `"kid"`)
	}) {
		t.Errorf("the JWK Sets differ: %s", sets)
	}
}

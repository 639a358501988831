package main

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signetd/signet/internal/pgtest"
)

// TestMigratePage runs the commands of docs/migrate.md, each section on an
// export in the format of its product. Each section is one shell, with the
// variables that the page sets.
func TestMigratePage(t *testing.T) {
	parts := sections(t, "../../docs/migrate.md")
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	kid, err := realmKID(key)
	if err != nil {
		t.Fatal(err)
	}
	database := pgtest.Empty(t)

	p := scripts("testdata/migrate")
	setup := p.Setup
	p.Setup = func(e *testscript.Env) error {
		for name, value := range map[string]string{
			"SIGNET_ISSUER": "https://login.example.com/realms/acme", "SIGNET_SHUTDOWN_DRAIN": "0s",
			"AUDIENCE": "https://api.example", "SCOPE": "read write", "SUPABASE_DB_URL": database, "OLD_KID": kid,
		} {
			e.Setenv(name, value)
		}
		return setup(e)
	}
	p.Cmds["keycloak"] = func(ts *testscript.TestScript, _ bool, args []string) {
		ts.Check(writeRealm(ts.MkAbs(args[0]), key))
	}
	p.Cmds["hydra"] = func(ts *testscript.TestScript, _ bool, args []string) {
		ts.Check(writeHydraKeys(ts.MkAbs(args[0]), key))
	}
	p.Cmds["section"] = func(ts *testscript.TestScript, _ bool, args []string) {
		runSection(ts, parts, args[0])
	}
	testscript.Run(t, p)
	checkAllSectionsRun(t, parts)
}

// runSection runs the commands under a heading in one shell.
func runSection(ts *testscript.TestScript, parts []section, heading string) {
	for _, s := range parts {
		if s.heading == heading {
			ts.Logf("migrate.md: %s", s.heading)
			ts.Check(ts.Exec("bash", "-euo", "pipefail", "-c", "umask 077\n"+strings.Join(s.commands, "")))
			return
		}
	}
	ts.Fatalf("docs/migrate.md has no section %q with commands", heading)
}

// checkAllSectionsRun reports the sections that no script runs.
func checkAllSectionsRun(t *testing.T, parts []section) {
	t.Helper()
	var all strings.Builder
	scripts, err := os.ReadDir("testdata/migrate")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		text, err := os.ReadFile("testdata/migrate/" + s.Name())
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, s := range parts {
		if !strings.Contains(all.String(), "\nsection '"+s.heading+"'\n") {
			t.Errorf("no script runs the commands of %q", s.heading)
		}
	}
}

// writeHydraKeys writes a JWK Set as Hydra's administrative API returns it.
func writeHydraKeys(path string, key *rsa.PrivateKey) error {
	k, err := jwk.FromRaw(key)
	if err != nil {
		return err
	}
	for name, value := range map[string]any{
		"kid": "7b1e5a0c-93d2-4f0e-8a54-d3a1f8c0b6e2", "alg": "RS256", "use": "sig",
	} {
		if err := k.Set(name, value); err != nil {
			return err
		}
	}
	text, err := json.Marshal(map[string]any{"keys": []jwk.Key{k}})
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

package interop

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/signetd/signet/config"
)

// composed loads and validates the Compose file, as `docker compose` does.
func composed(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"../../docker-compose.yml"}, cli.WithName("signet"))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatalf("docker-compose.yml: %v", err)
	}
	return project
}

func TestComposeStartsInOrder(t *testing.T) {
	project := composed(t)
	want := map[string]string{
		"kek":      "",
		"migrate":  "db service_healthy",
		"issuer-a": "kek service_completed_successfully, migrate service_completed_successfully",
		"issuer-b": "kek service_completed_successfully, migrate service_completed_successfully",
	}
	if names := project.ServiceNames(); len(names) != len(want)+1 {
		t.Errorf("services %q; this test knows db and %q", names, slices.Sorted(maps.Keys(want)))
	}
	for name, needs := range want {
		var got []string
		for on, dependency := range project.Services[name].DependsOn {
			got = append(got, on+" "+dependency.Condition)
		}
		slices.Sort(got)
		if strings.Join(got, ", ") != needs {
			t.Errorf("%s depends on %q, want %q", name, got, needs)
		}
	}
	if check := project.Services["db"].HealthCheck; check == nil || !slices.Contains(check.Test, "pg_isready") {
		t.Errorf("db has the health check %+v", check)
	}
}

func TestComposeIssuersAreAlike(t *testing.T) {
	project := composed(t)
	a, b := project.Services["issuer-a"], project.Services["issuer-b"]
	if ours, theirs := a.Environment.ToMapping(), b.Environment.ToMapping(); len(ours) == 0 || !maps.Equal(ours, theirs) {
		t.Errorf("the environments differ:\n%q\n%q", ours, theirs)
	}
	published := map[string]bool{}
	for _, s := range []types.ServiceConfig{a, b} {
		if !slices.Equal(s.HealthCheck.Test, []string{"CMD", "/signet", "healthcheck"}) {
			t.Errorf("%s has the health check %q", s.Name, s.HealthCheck.Test)
		}
		if s.Image == "" || s.Image != project.Services["migrate"].Image || project.Services["migrate"].Build == nil {
			t.Errorf("%s runs the image %q, which migrate does not build", s.Name, s.Image)
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" || published[port.Published] {
				t.Errorf("%s publishes %s:%s", s.Name, port.HostIP, port.Published)
			}
			published[port.Published] = true
		}
	}
	if len(published) != 4 {
		t.Errorf("published ports %v, want HTTP and gRPC of both", published)
	}
}

func TestComposeEnvironmentIsConfiguration(t *testing.T) {
	project := composed(t)
	noFile := func(name string) ([]byte, error) { return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist) }
	for _, name := range []string{"migrate", "issuer-a", "issuer-b"} {
		env := project.Services[name].Environment.ToMapping().Values()
		c, err := config.Load(config.Sources{Env: env, ReadFile: noFile})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, sqlite := c.Store.SQLite(); sqlite {
			t.Errorf("%s keeps its data in SQLite", name)
		}
		if stop := project.Services[name].StopGracePeriod; stop == nil || time.Duration(*stop) <= c.Shutdown.Timeout {
			t.Errorf("%s is killed after %v, while it may take %v to stop", name, stop, c.Shutdown.Timeout)
		}
	}
}

func TestComposeSharesTheKEK(t *testing.T) {
	project := composed(t)
	if _, ok := project.Volumes["kek"]; !ok {
		t.Fatalf("no volume kek among %v", project.Volumes)
	}
	for name, readOnly := range map[string]bool{"kek": false, "migrate": true, "issuer-a": true, "issuer-b": true} {
		s := project.Services[name]
		if len(s.Volumes) != 1 {
			t.Errorf("%s mounts %v", name, s.Volumes)
			continue
		}
		volume := s.Volumes[0]
		if volume.Type != types.VolumeTypeVolume || volume.Source != "kek" || volume.Target != "/kek" || volume.ReadOnly != readOnly {
			t.Errorf("%s mounts %+v, want the volume kek, read-only %v", name, volume, readOnly)
		}
		if file := s.Environment["SIGNET_KEK_FILE"]; name != "kek" && (file == nil || *file != "/kek/kek") {
			t.Errorf("%s does not look for the KEK at /kek/kek", name)
		}
	}
}

// makeKEK runs the command of the service kek, which is a shell script, on a folder that stands for the volume. Only root
// may give files away, so that part is left out.
func makeKEK(t *testing.T, project *types.Project, folder string) {
	t.Helper()
	s := project.Services["kek"]
	script := "chown() { test \"$1\" = 65532:65532; }\n" + strings.ReplaceAll(s.Command[0], "/kek/", folder+"/")
	if out, err := exec.CommandContext(t.Context(), s.Entrypoint[0], append(s.Entrypoint[1:], script)...).CombinedOutput(); err != nil {
		t.Fatalf("make the KEK: %v\n%s", err, out)
	}
}

func TestComposeMakesTheKEKOnce(t *testing.T) {
	project, folder := composed(t), t.TempDir()
	makeKEK(t, project, folder)
	first, err := os.ReadFile(filepath.Join(folder, "kek"))
	if err != nil {
		t.Fatal(err)
	}
	if key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(first))); err != nil || len(key) != 32 {
		t.Errorf("%d bytes of key, error %v", len(key), err)
	}
	info, err := os.Stat(filepath.Join(folder, "kek"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	makeKEK(t, project, folder)
	again, err := os.ReadFile(filepath.Join(folder, "kek"))
	if err != nil || !bytes.Equal(again, first) {
		t.Errorf("a second start changes the KEK; error %v", err)
	}
	if names, _ := filepath.Glob(filepath.Join(folder, "*")); len(names) != 1 {
		t.Errorf("left behind: %q", names)
	}
}

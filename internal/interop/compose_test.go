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

// loadCompose loads and validates the Compose file, as `docker compose` does.
func loadCompose(t *testing.T) *types.Project {
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

func TestCompose_StartOrder(t *testing.T) {
	project := loadCompose(t)
	want := map[string]string{
		"kek":      "",
		"migrate":  "db service_healthy",
		"issuer-a": "kek service_completed_successfully, migrate service_completed_successfully",
		"issuer-b": "kek service_completed_successfully, migrate service_completed_successfully",
	}
	if names := project.ServiceNames(); len(names) != len(want)+1 {
		t.Errorf("the services are %q, want db and %q", names, slices.Sorted(maps.Keys(want)))
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
		t.Errorf("the health check of db is %+v, want pg_isready", check)
	}
}

func TestCompose_IssuersAreEqual(t *testing.T) {
	project := loadCompose(t)
	a, b := project.Services["issuer-a"], project.Services["issuer-b"]
	envA, envB := a.Environment.ToMapping(), b.Environment.ToMapping()
	if len(envA) == 0 || !maps.Equal(envA, envB) {
		t.Errorf("the environments are empty or differ:\n%q\n%q", envA, envB)
	}
	published := map[string]bool{}
	for _, s := range []types.ServiceConfig{a, b} {
		if !slices.Equal(s.HealthCheck.Test, []string{"CMD", "/signet", "healthcheck"}) {
			t.Errorf("the health check of %s is %q", s.Name, s.HealthCheck.Test)
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
		t.Errorf("the published ports are %v, want HTTP and gRPC of both issuers", published)
	}
}

func TestCompose_EnvironmentIsValidConfiguration(t *testing.T) {
	project := loadCompose(t)
	noFile := func(name string) ([]byte, error) { return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist) }
	for _, name := range []string{"migrate", "issuer-a", "issuer-b"} {
		env := project.Services[name].Environment.ToMapping().Values()
		c, err := config.Load(config.Sources{Env: env, ReadFile: noFile})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, sqlite := c.Store.SQLite(); sqlite {
			t.Errorf("%s stores its data in SQLite", name)
		}
		if stop := project.Services[name].StopGracePeriod; stop == nil || time.Duration(*stop) <= c.Shutdown.Timeout {
			t.Errorf("stop_grace_period of %s is %v, want more than shutdown.timeout, %v",
				name, stop, c.Shutdown.Timeout)
		}
	}
}

func TestCompose_SharedKEK(t *testing.T) {
	project := loadCompose(t)
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
		if volume.Type != types.VolumeTypeVolume || volume.Source != "kek" || volume.Target != "/kek" ||
			volume.ReadOnly != readOnly {
			t.Errorf("%s mounts %+v, want the volume kek, read-only %v", name, volume, readOnly)
		}
		if file := s.Environment["SIGNET_KEK_FILE"]; name != "kek" && (file == nil || *file != "/kek/kek") {
			t.Errorf("SIGNET_KEK_FILE of %s is not /kek/kek", name)
		}
	}
}

// makeKEK runs the command of the service kek on a folder that replaces the
// volume. The command is a shell script. Only root may change the owner of a
// file, so a function that checks the arguments replaces chown.
func makeKEK(t *testing.T, project *types.Project, folder string) {
	t.Helper()
	s := project.Services["kek"]
	script := "chown() { test \"$1\" = 65532:65532; }\n" + strings.ReplaceAll(s.Command[0], "/kek/", folder+"/")
	cmd := exec.CommandContext(t.Context(), s.Entrypoint[0], append(s.Entrypoint[1:], script)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make the KEK: %v\n%s", err, out)
	}
}

func TestCompose_CreatesTheKEKOnce(t *testing.T) {
	project, folder := loadCompose(t), t.TempDir()
	makeKEK(t, project, folder)
	first, err := os.ReadFile(filepath.Join(folder, "kek"))
	if err != nil {
		t.Fatal(err)
	}
	if key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(first))); err != nil || len(key) != 32 {
		t.Errorf("the KEK has %d bytes, error %v; want 32", len(key), err)
	}
	info, err := os.Stat(filepath.Join(folder, "kek"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("the mode of the KEK file is %v, error %v; want 0600", info.Mode(), err)
	}
	makeKEK(t, project, folder)
	second, err := os.ReadFile(filepath.Join(folder, "kek"))
	if err != nil || !bytes.Equal(second, first) {
		t.Errorf("a second start changes the KEK; error %v", err)
	}
	if names, _ := filepath.Glob(filepath.Join(folder, "*")); len(names) != 1 {
		t.Errorf("the folder has %q, want one file", names)
	}
}

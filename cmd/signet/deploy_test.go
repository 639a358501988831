package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/signetd/signet/internal/pgtest"
)

// A manifest is the part of an object in deploy/kubernetes.yaml that this test
// reads.
type manifest struct {
	Kind string
	Spec struct {
		Replicas int
		Selector map[string]any
		Ports    []struct {
			Name, TargetPort string
			Port             int
		}
		Template struct {
			Spec podSpec
		}
	}
}

// A podSpec is the part of a pod that this test reads.
type podSpec struct {
	AutomountServiceAccountToken  *bool
	TerminationGracePeriodSeconds int
	SecurityContext               struct {
		RunAsNonRoot   bool
		SeccompProfile struct{ Type string }
	}
	Containers []struct {
		Args  []string
		Env   []struct{ Name, Value string }
		Ports []struct {
			Name          string
			ContainerPort int
		}
		LivenessProbe, ReadinessProbe struct {
			HTTPGet struct{ Path, Port string }
		}
		SecurityContext struct {
			AllowPrivilegeEscalation *bool
			ReadOnlyRootFilesystem   bool
			Capabilities             struct{ Drop []string }
		}
		VolumeMounts []struct{ MountPath string }
	}
	Volumes []struct {
		Secret struct{ DefaultMode int }
	}
}

// readManifests returns the objects by their kind.
func readManifests(t *testing.T) map[string]manifest {
	t.Helper()
	text, err := os.ReadFile("../../deploy/kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]manifest{}
	documents := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var object any
		err := documents.Decode(&object)
		if errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		var m manifest
		asJSON, err := json.Marshal(object) // JSON field names match in any case
		if err == nil {
			err = json.Unmarshal(asJSON, &m)
		}
		if err != nil {
			t.Fatal(err)
		}
		found[m.Kind] = m
	}
}

// The program starts with the environment of the manifest, listens on the ports
// that the manifest names, and answers the probes.
func TestKubernetesManifest(t *testing.T) {
	t.Parallel() // it mostly waits
	all := readManifests(t)
	pod := all["Deployment"].Spec.Template.Spec
	if all["Deployment"].Spec.Replicas < 2 || len(pod.Containers) != 1 || len(pod.Volumes) != 1 {
		t.Fatalf("the deployment is %+v", all["Deployment"])
	}
	c := pod.Containers[0]
	automount, escalation := pod.AutomountServiceAccountToken, c.SecurityContext.AllowPrivilegeEscalation
	if automount == nil || *automount || escalation == nil || *escalation || !pod.SecurityContext.RunAsNonRoot ||
		pod.SecurityContext.SeccompProfile.Type != "RuntimeDefault" || !c.SecurityContext.ReadOnlyRootFilesystem ||
		!slices.Equal(c.SecurityContext.Capabilities.Drop, []string{"ALL"}) ||
		pod.Volumes[0].Secret.DefaultMode != 0o440 {
		t.Errorf("a restriction of the pod is missing: %+v", pod)
	}
	m, secret := newMachine(t), t.TempDir()
	kek := filepath.Join(secret, "kek")
	m.signet("", "keys", "--new-kek", kek, "--set", "issuer=https://login.example.com", "--set", "kek.file="+kek)
	storeURL := []byte(pgtest.Empty(t) + "\n")
	if err := os.WriteFile(filepath.Join(secret, "store-url"), storeURL, 0o440); err != nil {
		t.Fatal(err)
	}
	free := map[string]string{"http": m.http, "grpc": m.grpc, "ops": m.ops}
	m.env = []string{"PATH=" + os.Getenv("PATH"), fastExit}
	ports := map[string]int{}
	for _, p := range c.Ports {
		ports[p.Name] = p.ContainerPort
	}
	for _, e := range c.Env {
		value := strings.Replace(e.Value, c.VolumeMounts[0].MountPath, secret, 1)
		if listener, ok := strings.CutSuffix(strings.TrimPrefix(e.Name, "SIGNET_"), "_ADDRESS"); ok {
			name := strings.ToLower(listener)
			if _, port, _ := net.SplitHostPort(value); port != strconv.Itoa(ports[name]) {
				t.Errorf("%s is %s, but the port %s is %d", e.Name, e.Value, name, ports[name])
			}
			value = withPort(t, value, free[name])
		}
		m.env = append(m.env, e.Name+"="+value)
	}
	for path, probe := range map[string]struct{ Path, Port string }{
		"/livez": c.LivenessProbe.HTTPGet, "/readyz": c.ReadinessProbe.HTTPGet,
	} {
		if probe.Path != path || ports[probe.Port] == 0 {
			t.Errorf("the probe of %s is %+v", path, probe)
		}
	}
	for _, p := range all["Service"].Spec.Ports {
		if ports[p.TargetPort] != p.Port {
			t.Errorf("the port %s of the service has the target %q", p.Name, p.TargetPort)
		}
	}
	if !slices.Equal(c.Args, []string{"serve"}) {
		t.Errorf("the pod runs %q", c.Args)
	}
	if err := m.start().ready().drain(); err != nil {
		t.Error(err)
	}
	for _, kind := range []string{"PodDisruptionBudget", "NetworkPolicy"} {
		if all[kind].Kind == "" {
			t.Errorf("there is no %s", kind)
		}
	}
}

// maxExposure is the highest exposure level, of 10, that
// `systemd-analyze security` may report.
const maxExposure = 1.5

// systemd accepts the unit and reports a low exposure level. The program
// notifies systemd when it is ready and when it stops.
func TestSystemdUnit(t *testing.T) {
	t.Parallel() // it mostly waits
	text, err := os.ReadFile("../../deploy/signet.service")
	if err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("signet")
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "signet.service")
	started := strings.ReplaceAll(string(text), "=/usr/local/bin/signet ", "="+program+" ")
	if err := os.WriteFile(unit, []byte(started), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("systemd-analyze", "verify", "--man=no", unit).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v: %s", err, out)
	}
	threshold := "--threshold=" + strconv.Itoa(int(maxExposure*10))
	security := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", threshold, unit)
	out, err = security.CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze security: %v: %s", err, out)
	}
	if !strings.Contains(started, "\nExecStart="+program+" serve ") || !strings.Contains(started, "\nType=notify\n") {
		t.Error("the unit does not start the server, or does not have Type=notify")
	}

	m := newMachine(t)
	socket := filepath.Join(m.dir, "notify")
	listener, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	m.env = append(m.env, "NOTIFY_SOCKET="+socket)
	for _, line := range regexp.MustCompile(`(?m)^Environment=(SIGNET_.*)$`).FindAllStringSubmatch(started, -1) {
		line[1] = strings.ReplaceAll(line[1], "/var/lib/signet", filepath.Join(m.dir, "state"))
		m.env = append(m.env, strings.ReplaceAll(line[1], "%d", m.dir))
	}
	m.signet("", "keys", "--new-kek", filepath.Join(m.dir, "kek"), "--set", "issuer=https://login.example.com")
	p := m.start("--set", "issuer=https://login.example.com")
	state := make([]byte, 100)
	for _, want := range []string{"READY=1", "STOPPING=1"} {
		n, err := listener.Read(state)
		if err != nil || string(state[:n]) != want {
			t.Fatalf("the state is %q, %v; want %q", state[:n], err, want)
		}
		if want == "READY=1" {
			if code := statusAt("http://" + m.ops + "/readyz"); code != 200 {
				t.Errorf("the server notifies that it is ready, but readyz is %d", code)
			}
			go func() { _ = p.drain() }()
		}
	}
	<-p.ended
}

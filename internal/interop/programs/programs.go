package programs

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// dir is the directory of the programs that Main has built.
var dir string

// Path returns the path of a program that Main has built.
func Path(name string) string { return filepath.Join(dir, name) }

// MainUnlessShort is Main, but in the short form it builds nothing: no test of
// the caller runs a program then.
func MainUnlessShort(m *testing.M, packages ...string) int {
	if flag.Parse(); testing.Short() {
		return m.Run()
	}
	return Main(m.Run, packages...)
}

// Main builds the programs of these packages, such as ./cmd/signet, calls run,
// and removes the programs. It returns the result of run, or 1 if a program
// cannot be built. The build uses the dependency versions of the programs' own
// module.
func Main(run func() int, packages ...string) int {
	status, err := build(run, packages)
	if err != nil {
		fmt.Fprintln(os.Stderr, "build the programs:", err)
	}
	return status
}

func build(run func() int, packages []string) (status int, err error) {
	wd, err := os.Getwd()
	if err != nil {
		return 1, err
	}
	if dir, err = os.MkdirTemp("", "signet-interop-"); err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(dir) }()

	root := root(wd)
	args := append([]string{"build", "-buildvcs=false", "-ldflags=-w", "-o", dir}, packages...)
	c := exec.Command("go", args...)
	c.Dir, c.Env = root, append(os.Environ(), "PWD="+root)
	if out, err := c.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("%w\n%s", err, out)
	}
	return run(), nil
}

// root returns the root of the repository, from a directory of this module.
func root(wd string) string {
	root, _, _ := strings.Cut(wd, filepath.FromSlash("/internal/interop"))
	return root
}

// Environment returns the environment without the settings of Signet.
func Environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SIGNET_") })
}

// FreeAddresses returns n loopback addresses with free ports. They are below
// those that the kernel gives to connections, and are not returned again.
func FreeAddresses(t testing.TB, n int) (addresses []string) {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000))
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		defer l.Close()
		if _, returned := returned.LoadOrStore(address, true); returned {
			continue
		}
		if addresses = append(addresses, address); len(addresses) == n {
			return addresses
		}
	}
	t.Fatal("there are no free ports")
	return nil
}

// returned are the results of FreeAddresses.
var returned sync.Map

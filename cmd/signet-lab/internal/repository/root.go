package repository

import (
	"context"
	"errors"
	"os/exec"
	"strings"
)

// Root returns the root of the Signet source tree that the working directory
// belongs to. Programs that are built there use the versions of the product's
// own go.mod, not those of the lab.
func Root(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/signetd/signet").Output()
	root := strings.TrimSpace(string(out))
	if err != nil || root == "" {
		return "", errors.New("cannot find the source of Signet: run signet-lab in a directory of its repository")
	}
	return root, nil
}

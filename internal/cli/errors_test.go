package cli

import (
	"errors"
	"fmt"
	"testing"

	"github.com/signetd/signet/internal/oauth"
)

func TestDescribe(t *testing.T) {
	disk := errors.New("disk full")
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"plain error", disk, "disk full"},
		{"code", wrapError("user ada", oauth.NotFound), "user ada: Not found."},
		{
			"sentence", wrapError("user ada", oauth.Fail(oauth.InvalidRequest, "The name is empty.")),
			"user ada: The name is empty.",
		},
		{
			"cause",
			commandError{wrapError("a.jwk", oauth.Wrap(oauth.InvalidRequest, "It cannot be used.", disk))},
			"a.jwk: It cannot be used. (disk full)",
		},
		{
			"joined", errors.Join(wrapError("user ada", oauth.NotFound), disk),
			"user ada: Not found.\ndisk full",
		},
		{
			"code of a store", wrapError("user ada", fmt.Errorf("read user: %w", oauth.NotFound)),
			"user ada: Not found. (read user: not_found)",
		},
	} {
		if got := describe(c.err); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

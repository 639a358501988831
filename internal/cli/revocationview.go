package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signetd/signet/internal/grant"
)

// logPage is how many entries of the revocation log a command reads at once.
const logPage = 5000

// revocationView is an entry of the revocation log in the result of a command.
type revocationView struct {
	Seq       int64     `json:"seq"`
	Kind      string    `json:"kind"`
	Hash      string    `json:"hash"`
	Before    time.Time `json:"before"`
	ExpiresAt time.Time `json:"expires_at"`
}

func newRevocationView(e grant.LoggedRevocation) revocationView {
	return revocationView{
		Seq: e.Seq, Kind: e.Kind.String(), Hash: fmt.Sprintf("%016x", uint64(e.Entry.Hash)),
		Before: time.UnixMicro(e.Entry.Before).UTC(), ExpiresAt: e.ExpiresAt.UTC(),
	}
}

// row returns the entry as a row of the list.
func (v revocationView) row() []string {
	return []string{fmt.Sprint(v.Seq), v.Kind, v.Hash, formatMoment(v.Before), formatTime(v.ExpiresAt)}
}

// formatMoment returns a time in UTC, in microseconds.
func formatMoment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z07:00") }

// checkValues returns a usage error if a flag of the command was given with an
// empty value.
func checkValues(c *cobra.Command) (err error) {
	shared := c.InheritedFlags()
	c.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.String() == "" && shared.Lookup(f.Name) == nil {
			err = usageError("--" + f.Name + " needs a value")
		}
	})
	return err
}

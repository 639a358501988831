package table

import (
	"errors"
	"fmt"
	"time"

	"github.com/signetd/signet/cmd/signet-lab/internal/baseline"
)

// Options are the settings of Run.
type Options struct {
	// Rounds is how often each row is measured.
	Rounds int
	// WarmUp and Duration apply to each side of a row, in each round.
	WarmUp, Duration time.Duration
	// Grants is the number of other grants in the row about many grants. The
	// row about the end of one user's grants has a tenth of it, and the user a
	// fiftieth. The row about disabled users has a thousandth of it. The rows
	// about checks have a 500th and a 250th of it as sessions.
	Grants int
	// Only is a regular expression. Run measures the rows whose names it
	// matches.
	Only string
	// JSONFile is where Run also writes the rows. Empty means nowhere.
	JSONFile string
}

func (o Options) validate() error {
	switch minGrants := 2 * baseline.RotationRows; {
	case o.Rounds < 1 || o.Rounds > 100:
		return errors.New("--rounds must be between 1 and 100")
	case o.Duration < time.Second || o.Duration > time.Minute:
		return errors.New("--duration must be between 1s and 1m")
	case o.WarmUp < 0 || o.WarmUp > time.Minute:
		return errors.New("--warm-up must be between 0s and 1m")
	case o.Grants < minGrants:
		return fmt.Errorf("--grants must be at least %d", minGrants)
	}
	return nil
}

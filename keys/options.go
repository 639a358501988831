package keys

import (
	"context"
	"log/slog"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/seal"
)

// Options configures a Manager. The composition root sets it.
type Options struct {
	// Store stores the ring. Required.
	Store Store
	// KEKs are the KEKs of the KEK file. Required.
	KEKs *seal.KEKs
	// ReadKEKs reads the KEK file again. It is called when the ring names a KEK
	// that is not in KEKs. nil means that the file does not change while the
	// program runs.
	ReadKEKs func() (*seal.KEKs, error)
	// Policy is the operator's settings. Required; see Policy.Validate.
	Policy Policy
	// Now is the wall clock; nil means time.Now.
	Now func() time.Time
	// StoreClock means that the store's clock is the clock of another machine,
	// as with Postgres.
	StoreClock bool
	// InUse returns the signing algorithms of all audiences. For an audience
	// whose new algorithm is not Ready it includes the previous one. It must
	// not block. nil and an empty result mean that the algorithms are unknown:
	// then no algorithm is retired.
	InUse func() []string
	// NoMaintenance is set by commands that run beside servers. Open and Poll
	// then only read the ring. Only the Operator changes it.
	NoMaintenance bool
	// Log receives messages for the operator; nil discards them.
	Log *slog.Logger
	// Audit is called for every change after it is in the store, and before the
	// request returns. The request returns Audit's error, but the change stays:
	// a full audit log must not keep a stolen key in use. nil means no audit.
	Audit func(context.Context, audit.Event) error
	// MaxWaiting is how many callers of Reserve may wait at the same time. Zero
	// means any number.
	MaxWaiting int
	// Signed is called with the duration of every signature; nil means no call.
	Signed func(algorithm string, took time.Duration)
}

// withDefaults returns o with values for the optional fields that are nil.
func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.InUse == nil {
		o.InUse = func() []string { return nil }
	}
	if o.Audit == nil {
		o.Audit = func(context.Context, audit.Event) error { return nil }
	}
	return o
}

package verifytest

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/signetd/signet/verify"
)

// Verifier returns a Verifier of the tokens of this issuer, which is closed at
// the end of the test. Options need nothing: an empty Audience is the constant
// Audience, and Introspect gets credentials.
func (i *Issuer) Verifier(o verify.Options) *verify.Verifier {
	i.t.Helper()
	o.Audience = cmp.Or(o.Audience, Audience)
	o.HTTP = cmp.Or(o.HTTP, &http.Client{Transport: i})
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if o.Client.ID == "" {
		o.Client = verify.Client{ID: "service", Secret: "secret"}
	}

	ctx, cancel := context.WithTimeout(i.t.Context(), 10*time.Second)
	defer cancel()
	v, err := verify.New(ctx, URL, o)
	if err != nil {
		i.t.Fatalf("make a verifier: %v", err)
	}
	i.t.Cleanup(v.Close)
	return v
}

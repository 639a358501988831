package overload

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/signetd/signet/cmd/signet-lab/internal/cpulimit"
	"github.com/signetd/signet/cmd/signet-lab/internal/measure"
	"github.com/signetd/signet/cmd/signet-lab/internal/testbed"
)

const (
	// mintConcurrency is how many grants are created at the same time.
	mintConcurrency = 16
	// settleTime is how long the clients may take to finish their last
	// refreshes.
	settleTime = 2 * time.Minute
	// requestTimeout is the clients' time limit of one request. It is longer
	// than that of the server.
	requestTimeout = 30 * time.Second
)

// Run measures clients without idempotency keys, and then clients with them. It
// prints a table with one row for each to out, and returns the rows.
func Run(ctx context.Context, o Options, out io.Writer) ([]Report, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	bed, err := newTestbed(ctx, o)
	if err != nil {
		return nil, err
	}
	defer bed.Close()

	var reports []Report
	for i, keys := range []bool{false, true} {
		r, err := o.measure(ctx, bed, fmt.Sprintf("overload%d", i), keys)
		if err != nil {
			return nil, err
		}
		if len(reports) == 0 {
			_, _ = fmt.Fprintf(out, "The issuer has %g CPU (%s). %d clients refresh for %s, %s, leeway %s.\n\n",
				o.CPUs, r.Limit, o.Clients, o.Duration, o.Algorithm, o.Leeway)
			printHeader(out)
		}
		r.print(out)
		reports = append(reports, r)
	}
	return reports, measure.WriteJSON(o.JSONFile, reports)
}

func newTestbed(ctx context.Context, o Options) (*testbed.Testbed, error) {
	if o.Postgres {
		return testbed.New(ctx)
	}
	return testbed.NewWithoutPostgres(ctx)
}

// measure starts an issuer with a store of its own, creates the logins, limits
// the issuer's processor time and lets the clients refresh.
func (o Options) measure(ctx context.Context, bed *testbed.Testbed, name string, keys bool) (Report, error) {
	store, err := o.createStore(ctx, bed, name)
	if err != nil {
		return Report{}, err
	}
	issuer, err := bed.StartIssuer(ctx, name, store, settings(o.CPUs)...)
	if err != nil {
		return Report{}, err
	}
	server, err := bed.CreateClient(ctx, name, issuer, o.Algorithm, o.Leeway)
	if err != nil {
		return Report{}, err
	}
	conn := server.Connect(mintConcurrency)
	tokens, err := conn.RefreshTokens(ctx, o.Clients, mintConcurrency)
	conn.Close()
	if err != nil {
		return Report{}, err
	}

	limit, err := cpulimit.Set(issuer.PID, o.CPUs)
	if err != nil {
		return Report{}, err
	}
	defer limit.Lift()

	transport := &http.Transport{MaxIdleConnsPerHost: o.Clients}
	defer transport.CloseIdleConnections()
	all := &counts{}
	template := oauthClient{
		server: server, http: &http.Client{Transport: transport, Timeout: requestTimeout}, keys: keys, counts: all,
	}
	o.refresh(ctx, template, tokens)
	return all.report(o.Clients, keys, limit.Method), ctx.Err()
}

// refresh runs one client for each token, until each client has the answer to
// its last refresh.
func (o Options) refresh(ctx context.Context, template oauthClient, tokens []string) {
	ctx, cancel := context.WithTimeout(ctx, o.Duration+settleTime)
	defer cancel()
	stop := make(chan struct{})
	timer := time.AfterFunc(o.Duration, func() { close(stop) })
	defer timer.Stop()

	var clients sync.WaitGroup
	for _, token := range tokens {
		c := template
		c.refreshToken = token
		clients.Go(func() { c.run(ctx, stop) })
	}
	clients.Wait()
}

// settings returns the settings of an issuer whose limit may have to be a duty
// cycle. A control group sets GOMAXPROCS by itself.
func settings(cpus float64) []string {
	if cpus < 1 && !cpulimit.ControlGroups() {
		return []string{"GOMAXPROCS=1"}
	}
	return nil
}

// createStore returns the URL of an empty store.
func (o Options) createStore(ctx context.Context, bed *testbed.Testbed, name string) (string, error) {
	if o.Postgres {
		return bed.CreateDatabase(ctx, name)
	}
	dir := filepath.Join(bed.Dir, name)
	return "sqlite:" + filepath.Join(dir, "signet.db"), os.Mkdir(dir, 0o700)
}

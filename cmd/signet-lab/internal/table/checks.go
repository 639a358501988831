package table

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/signetd/signet/cmd/signet-lab/internal/load"
	"github.com/signetd/signet/cmd/signet-lab/internal/measure"
	"github.com/signetd/signet/cmd/signet-lab/internal/testbed"
)

const (
	// checkRate is how many checks start each second in the row about a rate.
	checkRate = 10_000
	// checkURL is where gateways ask about requests.
	checkURL = "http://" + testbed.GatewayAddress + "/forward-auth/-"
	// maxHeldSessions is how many sessions an issuer holds in memory.
	maxHeldSessions = 32_768
)

// checks compares the check that gateways ask with a bare handler of net/http.
type checks struct {
	*suite
	client *http.Client
	issuer *testbed.Issuer
	// tokens are the session tokens of all sessions.
	tokens []string
}

func (c *checks) comparisons() []comparison {
	sessions := strconv.Itoa(c.checkedSessions())
	return []comparison{
		// It comes first, because the other rows hold sessions.
		{
			name: "resident memory for " + strconv.Itoa(c.heldSessions()) + " held sessions",
			unit: "MiB", once: true,
			measured: c.started(c.memoryOfSessions),
		},
		{
			name: "check of a session over HTTP, 64 concurrent : bare net/http handler, CPU of the server",
			unit: "µs", bound: 1.5, atMost: true,
			measured: c.started(c.costOfChecks), limit: c.started(c.costOfBareHandler),
		},
		{
			name: "answered of 10,000 checks a second, " + sessions + " sessions : all",
			unit: "/s", bound: .95, whole: true,
			measured: c.started(c.rate), limit: func(context.Context) (float64, error) { return checkRate, nil },
		},
		{
			name: "CPU of the issuer for 10,000 checks a second, " + sessions + " sessions", unit: "cores", whole: true,
			measured: c.started(c.cores),
		},
	}
}

// checkedSessions is the number of sessions in the row about a rate.
func (o Options) checkedSessions() int { return max(highConcurrency, o.Grants/500) }

// heldSessions is the number of sessions in the row about memory.
func (o Options) heldSessions() int { return min(maxHeldSessions, max(highConcurrency, o.Grants/250)) }

// started returns m on an issuer that answers gateways, which it starts once.
func (c *checks) started(m measurement) measurement {
	return func(ctx context.Context) (float64, error) {
		if c.issuer == nil {
			if err := c.start(ctx); err != nil {
				return 0, err
			}
		}
		return m(ctx)
	}
}

// start starts the issuer, and creates the sessions.
func (c *checks) start(ctx context.Context) (err error) {
	c.client = &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 2 * highConcurrency}, Timeout: 10 * time.Second,
	}
	if c.issuer, err = c.bed.StartGatewayIssuer(ctx, "checks", c.coalescing); err != nil {
		return err
	}
	c.tokens, err = c.bed.CreateSessions(ctx, "checks", c.coalescing, max(c.checkedSessions(), c.heldSessions()))
	return err
}

// costOfChecks returns the processor time of the issuer for one check.
func (c *checks) costOfChecks(ctx context.Context) (float64, error) {
	return c.cost(ctx, c.issuer.PID, checkURL)
}

// costOfBareHandler returns the processor time of the reference server for one
// request with the same headers.
func (c *checks) costOfBareHandler(ctx context.Context) (float64, error) {
	return c.cost(ctx, c.bed.ReferencePID, "http://"+c.bed.Reference.HTTP+"/")
}

// cost returns the processor time of a server for one request, in microseconds.
func (c *checks) cost(ctx context.Context, pid int, url string) (float64, error) {
	server := []measure.Process{{Name: "server", PID: pid}}
	workers := load.Merge(c.workers(url, highConcurrency), highConcurrency)
	used, r, err := processorTime(server, func() load.Result {
		return load.Profile{Concurrency: highConcurrency, Duration: c.turn()}.Run(ctx, workers)
	})
	if err == nil && r.Errors > 0 {
		err = fmt.Errorf("%d errors: %s", r.Errors, r.FirstError)
	}
	return float64(used.Microseconds()) / float64(r.Operations), err
}

// rate returns how many checks a second the issuer answers if 10,000 are sent.
func (c *checks) rate(ctx context.Context) (float64, error) {
	_, r, err := c.atRate(ctx)
	return r.Rate, err
}

// cores returns the processor time of the issuer for 10,000 checks, in seconds.
func (c *checks) cores(ctx context.Context) (float64, error) {
	used, r, err := c.atRate(ctx)
	return used.Seconds() / float64(r.Operations) * checkRate, err
}

// atRate sends 10,000 checks a second.
func (c *checks) atRate(ctx context.Context) (time.Duration, load.Result, error) {
	workers := load.Merge(c.workers(checkURL, c.checkedSessions()), highConcurrency)
	// The first check of a session reads its row and makes a signature.
	if err := load.RunEach(ctx, workers, c.checkedSessions()/highConcurrency+1); err != nil {
		return 0, load.Result{}, err
	}
	issuer := []measure.Process{{Name: "issuer", PID: c.issuer.PID}}
	used, r, err := processorTime(issuer, func() load.Result {
		return load.Profile{Concurrency: highConcurrency, Rate: checkRate, Duration: c.Duration}.Run(ctx, workers)
	})
	if err == nil && r.Errors > 0 {
		err = fmt.Errorf("%d errors: %s", r.Errors, r.FirstError)
	}
	return used, r, err
}

// memoryOfSessions returns how much the resident memory of a new issuer grows,
// in MiB, when it holds as many sessions as it can.
func (c *checks) memoryOfSessions(ctx context.Context) (float64, error) {
	workers := c.workers(checkURL, c.heldSessions())
	few := load.Merge(workers[:highConcurrency], highConcurrency)
	// The memory of connections and of the heap's reserve is not that of
	// sessions.
	if err := load.RunEach(ctx, few, c.heldSessions()/highConcurrency); err != nil {
		return 0, err
	}
	before, err := residentMiB(c.issuer.PID)
	if err != nil {
		return 0, err
	}
	if err := load.RunEach(ctx, load.Merge(workers, highConcurrency), c.heldSessions()/highConcurrency); err != nil {
		return 0, err
	}
	after, err := residentMiB(c.issuer.PID)
	return max(after-before, .1), err
}

// workers returns a worker for each of the first n sessions.
func (c *checks) workers(url string, n int) []load.Worker {
	workers := make([]load.Worker, n)
	for i := range workers {
		workers[i] = func(ctx context.Context) (time.Duration, error) {
			return load.Time(func() error { return c.check(ctx, url, c.tokens[i]) })
		}
	}
	return workers
}

var errNoToken = errors.New("the answer has no access token")

// check sends what a gateway sends for a request of a page.
func (c *checks) check(ctx context.Context, url, token string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Cookie", "theme=dark; __Host-Http-signet-"+testbed.BrowserClient+"="+token)
	r.Header.Set("X-Forwarded-Method", http.MethodGet)
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("X-Forwarded-Host", "app.example")
	r.Header.Set("X-Forwarded-Uri", "/orders?page=2")
	response, err := c.client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s", response.Status)
	case url == checkURL && response.Header.Get("Authorization") == "":
		return errNoToken
	}
	return nil
}

// processorTime runs a load and returns the processor time that the process has
// used meanwhile.
func processorTime(process []measure.Process, run func() load.Result) (time.Duration, load.Result, error) {
	before, err := measure.ProcessTimes(process)
	if err != nil {
		return 0, load.Result{}, err
	}
	r := run()
	after, err := measure.ProcessTimes(process)
	if err != nil {
		return 0, r, err
	}
	return after[process[0].Name] - before[process[0].Name], r, nil
}

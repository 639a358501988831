package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/signetd/signet/internal/pgtest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// scrape reads the metrics of a server with the parser of Prometheus.
func (m *machine) scrape() map[string]*dto.MetricFamily {
	m.t.Helper()
	response, err := http.Get("http://" + m.ops + "/metrics")
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return families
}

// series returns the sum of the series of a metric that have all the given
// labels (name=value), and their number.
func series(families map[string]*dto.MetricFamily, name string, labels ...string) (value float64, found int) {
	for _, m := range families[name].GetMetric() {
		present := map[string]bool{}
		for _, l := range m.GetLabel() {
			present[l.GetName()+"="+l.GetValue()] = true
		}
		all := true
		for _, l := range labels {
			all = all && present[l]
		}
		if all {
			found++
			value += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return value, found
}

// tokenSignatures returns the number of RSA signatures without those of the
// feed of revocations.
func tokenSignatures(families map[string]*dto.MetricFamily) float64 {
	all, _ := series(families, "signet_sign_duration_seconds", "alg=RS256")
	segments, _ := series(families, "signet_revocations_segments_signed_total")
	return all - segments
}

// Each kind of request is counted by the metrics of a running server.
func TestMetrics(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { checkMetrics(t, newDemoMachine(t), "write") })
	t.Run("postgres", func(t *testing.T) {
		kek := filepath.Join(t.TempDir(), "kek")
		m := newMachine(t, "SIGNET_STORE_URL="+pgtest.Empty(t), "SIGNET_KEK_FILE="+kek)
		m.signet("", "keys", "--new-kek", kek, "--set", "issuer=https://login.example.com")
		families := checkMetrics(t, m, "refresh")
		if n, found := series(families, "signet_batch_size", "batch=write"); n < 5 || found != 1 {
			t.Errorf("%v transactions of logins, revocations and attempts were sent", n)
		}
		if n, found := series(families, "signet_store_pool_max_connections"); n != 16 || found != 1 {
			t.Errorf("the maximum of the pool is %v connections", n)
		}
		if n, _ := series(families, "signet_store_pool_acquires_total"); n < 5 {
			t.Errorf("connections were acquired %v times", n)
		}
		for _, name := range []string{
			"signet_store_pool_acquired_connections", "signet_store_pool_idle_connections",
			"signet_store_pool_waits_total",
		} {
			if _, found := series(families, name); found != 1 {
				t.Errorf("there is no metric %s", name)
			}
		}
	})
}

// With store.coalesce=false no two writes share a transaction.
func TestMetrics_WithoutCoalescing(t *testing.T) {
	m := newDemoMachine(t, "SIGNET_STORE_COALESCE=false")
	m.start("--dev").ready()
	demo, tokenService := m.demo(), tokens(t, m.grpc)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			ctx, cancel := asClient(t, demo.ClientID, demo.ClientSecret)
			defer cancel()
			_, err := tokenService.Login(ctx, &signetv1.LoginRequest{Username: demo.Username, Password: demo.Password})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, one := range m.scrape()["signet_batch_size"].GetMetric() {
		if h := one.GetHistogram(); h.GetSampleSum() != float64(h.GetSampleCount()) {
			t.Errorf("%v writes shared %d transactions", h.GetSampleSum(), h.GetSampleCount())
		}
	}
}

// Both APIs return the same cached token. The metrics count signed and reused
// tokens separately.
func TestMetrics_ReusedTokens(t *testing.T) {
	m := newDemoMachine(t)
	m.start("--dev").ready()
	demo, tokenService := m.demo(), tokens(t, m.grpc)
	m.signet("", "audiences", "update", demo.Audience, "--repeat-tokens")
	ctx, cancel := asClient(t, demo.ClientID, demo.ClientSecret)
	defer cancel()
	minted := 0
	mint := func() string {
		response, err := tokenService.Mint(ctx, &signetv1.MintRequest{})
		if err != nil {
			t.Fatal(err)
		}
		minted++
		return response.GetTokens()[0].GetAccessToken()
	}
	token := ""
	eventually(func() bool { // the server polls the audience
		token = mint()
		return mint() == token
	})
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {demo.ClientID}, "client_secret": {demo.ClientSecret},
	}
	response, err := http.PostForm("http://"+m.http+"/oauth2/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(text), token) {
		t.Errorf("the HTTP API returns another token: %s, %v", text, err)
	}
	families := m.scrape()
	signed, _ := series(families, "signet_tokens_issued_total", "call=mint", "alg=RS256")
	reused, _ := series(families, "signet_tokens_repeated_total", "call=mint", "alg=RS256")
	signatures := tokenSignatures(families)
	if reused < 1 || signed+reused != float64(minted) || signatures != signed {
		t.Errorf("of %d tokens %v were signed, with %v signatures, and %v were reused",
			minted, signed, signatures, reused)
	}
	if n, _ := series(families, "signet_tokens_repeated_total", "call=client_credentials", "alg=RS256"); n != 1 {
		t.Errorf("the HTTP API reused %v tokens, want 1", n)
	}
}

// checkMetrics starts a server, sends requests, and checks the metrics of them.
// batch is the name of the batches that the store counts for refreshes.
func checkMetrics(t *testing.T, m *machine, batch string) map[string]*dto.MetricFamily {
	m.start("--dev").ready()
	demo, tokenService := m.demo(), tokens(t, m.grpc)
	ctx, cancel := asClient(t, demo.ClientID, demo.ClientSecret)
	defer cancel()
	login := func(password string) (*signetv1.TokenResponse, error) {
		return tokenService.Login(ctx, &signetv1.LoginRequest{Username: demo.Username, Password: password})
	}
	first, err := login(demo.Password)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := login("wrong " + demo.Password); err == nil {
		t.Fatal("a login with an invalid password succeeded")
	}
	refresh := func(token string) (*signetv1.TokenResponse, error) {
		return tokenService.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: token})
	}
	second, err := refresh(first.GetRefreshToken())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := refresh(second.GetRefreshToken()); err != nil {
		t.Fatal(err)
	}
	if _, err := refresh(first.GetRefreshToken()); err == nil {
		t.Fatal("a token two generations old was accepted")
	}
	if _, err := refresh("sgr_nonsense"); err == nil {
		t.Fatal("a malformed token was accepted")
	}
	if other, err := login(demo.Password); err != nil {
		t.Fatal(err)
	} else if _, err := tokenService.Revoke(ctx, &signetv1.RevokeRequest{Token: other.GetRefreshToken()}); err != nil {
		t.Fatal(err)
	}
	statusAt("http://" + m.http + "/.well-known/jwks.json")
	for n := range 20 {
		statusAt(fmt.Sprintf("http://%s/made-up-%d", m.http, n))
	}
	families := m.scrape()
	for _, c := range []struct {
		want   float64
		name   string
		labels string
	}{
		{2, "signet_logins_total", "result=success"},
		{1, "signet_logins_total", "result=failure reason=wrong_password"},
		{2, "signet_refreshes_total", "outcome=rotated"},
		{1, "signet_refreshes_total", "outcome=reused"},
		{1, "signet_refreshes_total", "outcome=invalid"},
		{1, "signet_refresh_reuse_detected_total", ""},
		{1, "signet_revocations_total", "reason=reuse"},
		{1, "signet_revocations_total", "reason=client"},
		{2, "signet_tokens_issued_total", "call=login alg=RS256"},
		{2, "signet_tokens_issued_total", "call=refresh alg=RS256"},
		{3, "grpc_server_started_total", "grpc_method=Login"},
		{1, "grpc_server_handled_total", "grpc_method=Login grpc_code=Unauthenticated"},
		{4, "grpc_server_handling_seconds", "grpc_method=Refresh"},
		{1, "http_requests_total", "handler=/.well-known/jwks.json code=200 method=GET"},
		{20, "http_requests_total", "handler=unmatched code=404 method=GET"},
		{1, "signet_keys", "alg=RS256 state=active"},
		{1, "signet_keys", "alg=mac state=active"},
		{1, "signet_build_info", ""},
		{1, "http_request_duration_seconds", "handler=/.well-known/jwks.json method=GET"},
		{0, "signet_password_in_use_bytes", ""},
		{0, "signet_password_waiting", ""},
		{0, "signet_password_refused_total", ""},
	} {
		if got, found := series(families, c.name, strings.Fields(c.labels)...); got != c.want || found != 1 {
			t.Errorf("%s{%s} is %v in %d series, want %v in 1", c.name, c.labels, got, found, c.want)
		}
	}
	for _, name := range []string{
		"signet_sweeper_passes_total", "signet_sweeper_failures_total", "signet_sweeper_removed_total",
	} {
		if _, found := series(families, name); found == 0 {
			t.Errorf("there is no metric %s", name)
		}
	}
	if n := tokenSignatures(families); n != 4 {
		t.Errorf("%v signatures of tokens, want 4", n)
	}
	if n, _ := series(families, "signet_password_hashes_total"); n < 3 {
		t.Errorf("%v hashes were computed", n)
	}
	if n, _ := series(families, "signet_password_budget_bytes"); n < 19<<20 {
		t.Errorf("the budget for hashes is %v bytes", n)
	}
	if n, found := series(families, "signet_batch_size", "batch="+batch); n < 2 || found != 1 {
		t.Errorf("%v batches were sent", n)
	}
	if version, _ := series(families, "signet_key_ring_version"); version < 1 {
		t.Errorf("the version of the key ring is %v", version)
	}
	return families
}

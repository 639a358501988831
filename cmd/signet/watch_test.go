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

// scrape reads the metrics of a machine's server with Prometheus's own parser.
func (m *machine) scrape() map[string]*dto.MetricFamily {
	m.t.Helper()
	answer, err := http.Get("http://" + m.at + "/metrics")
	if err != nil {
		m.t.Fatal(err)
	}
	defer answer.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return families
}

// series returns the value of the one series of a family whose labels hold all of those named, and how many there are.
func series(families map[string]*dto.MetricFamily, name string, labels ...string) (value float64, found int) {
	for _, m := range families[name].GetMetric() {
		have := map[string]bool{}
		for _, l := range m.GetLabel() {
			have[l.GetName()+"="+l.GetValue()] = true
		}
		all := true
		for _, l := range labels {
			all = all && have[l]
		}
		if all {
			found++
			value += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return value, found
}

// TestMetricsOfARealServer does one thing of each kind and looks for it.
func TestMetricsOfARealServer(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { watched(t, newDemo(t), "write") })
	t.Run("postgres", func(t *testing.T) {
		kek := filepath.Join(t.TempDir(), "kek")
		m := newMachine(t, "SIGNET_STORE_URL="+pgtest.Empty(t), "SIGNET_KEK_FILE="+kek)
		m.signet("", "keys", "--new-kek", kek, "--set", "issuer=https://login.example.com")
		families := watched(t, m, "refresh")
		if n, found := series(families, "signet_batch_size", "batch=write"); n < 5 || found != 1 {
			t.Errorf("%v transactions of logins, revocations and guesses were sent", n)
		}
		if n, found := series(families, "signet_store_pool_max_connections"); n != 16 || found != 1 {
			t.Errorf("the pool may have %v connections", n)
		}
		if n, _ := series(families, "signet_store_pool_acquires_total"); n < 5 {
			t.Errorf("a connection was taken %v times", n)
		}
		for _, name := range []string{
			"signet_store_pool_acquired_connections", "signet_store_pool_idle_connections", "signet_store_pool_waits_total",
		} {
			if _, found := series(families, name); found != 1 {
				t.Errorf("there is no %s", name)
			}
		}
	})
}

// TestWritesAlone: without coalescing no two writes share a transaction, however many come at once.
func TestWritesAlone(t *testing.T) {
	m := newDemo(t, "SIGNET_STORE_COALESCE=false")
	m.start("--dev").ready()
	facts, caller := m.facts(), tokens(t, m.grpc)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			ctx, cancel := as(t, facts.ClientID, facts.ClientSecret)
			defer cancel()
			if _, err := caller.Login(ctx, &signetv1.LoginRequest{Username: facts.Username, Password: facts.Password}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, one := range m.scrape()["signet_batch_size"].GetMetric() {
		if h := one.GetHistogram(); h.GetSampleSum() != float64(h.GetSampleCount()) {
			t.Errorf("%v writes went in %d transactions", h.GetSampleSum(), h.GetSampleCount())
		}
	}
}

// TestRepeatedTokens: a server whose audience repeats tokens gives the same at both doors, and its metrics tell what it signed from
// what it gave again.
func TestRepeatedTokens(t *testing.T) {
	m := newDemo(t)
	m.start("--dev").ready()
	facts, caller := m.facts(), tokens(t, m.grpc)
	m.signet("", "audiences", "update", facts.Audience, "--repeat-tokens")
	ctx, cancel := as(t, facts.ClientID, facts.ClientSecret)
	defer cancel()
	minted := 0
	mint := func() string {
		answer, err := caller.Mint(ctx, &signetv1.MintRequest{})
		if err != nil {
			t.Fatal(err)
		}
		minted++
		return answer.GetTokens()[0].GetAccessToken()
	}
	token := ""
	eventually(func() bool { // it is known within half a second
		token = mint()
		return mint() == token
	})
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {facts.ClientID}, "client_secret": {facts.ClientSecret}}
	answer, err := http.PostForm("http://"+m.http+"/oauth2/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); err != nil || !strings.Contains(string(text), token) {
		t.Errorf("the other door gives another token: %s, %v", text, err)
	}
	families := m.scrape()
	signed, _ := series(families, "signet_tokens_issued_total", "call=mint", "alg=RS256")
	again, _ := series(families, "signet_tokens_repeated_total", "call=mint", "alg=RS256")
	signatures, _ := series(families, "signet_sign_duration_seconds", "alg=RS256")
	if again < 1 || signed+again != float64(minted) || signatures != signed {
		t.Errorf("of %d tokens %v were signed, with %v signatures, and %v given again", minted, signed, signatures, again)
	}
	if n, _ := series(families, "signet_tokens_repeated_total", "call=client_credentials", "alg=RS256"); n != 1 {
		t.Errorf("the other door gave %v again, want 1", n)
	}
}

func watched(t *testing.T, m *machine, batch string) map[string]*dto.MetricFamily {
	m.start("--dev").ready()
	facts, caller := m.facts(), tokens(t, m.grpc)
	ctx, cancel := as(t, facts.ClientID, facts.ClientSecret)
	defer cancel()
	login := func(password string) (*signetv1.TokenResponse, error) {
		return caller.Login(ctx, &signetv1.LoginRequest{Username: facts.Username, Password: password})
	}
	first, err := login(facts.Password)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := login("wrong " + facts.Password); err == nil {
		t.Fatal("a wrong password logs in")
	}
	refresh := func(token string) (*signetv1.TokenResponse, error) {
		return caller.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: token})
	}
	second, err := refresh(first.GetRefreshToken())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := refresh(second.GetRefreshToken()); err != nil {
		t.Fatal(err)
	}
	if _, err := refresh(first.GetRefreshToken()); err == nil {
		t.Fatal("a token two generations old is good")
	}
	if _, err := refresh("sgr_nonsense"); err == nil {
		t.Fatal("nonsense is good")
	}
	if other, err := login(facts.Password); err != nil {
		t.Fatal(err)
	} else if _, err := caller.Revoke(ctx, &signetv1.RevokeRequest{Token: other.GetRefreshToken()}); err != nil {
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
		{2, "signet_refreshes_total", "outcome=moved"},
		{1, "signet_refreshes_total", "outcome=reused"},
		{1, "signet_refreshes_total", "outcome=invalid"},
		{1, "signet_refresh_reuse_detected_total", ""},
		{1, "signet_revocations_total", "reason=reuse"},
		{1, "signet_revocations_total", "reason=client"},
		{2, "signet_tokens_issued_total", "call=login alg=RS256"},
		{2, "signet_tokens_issued_total", "call=refresh alg=RS256"},
		{4, "signet_sign_duration_seconds", "alg=RS256"},
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
			t.Errorf("%s{%s} is %v in %d series, want %v in one", c.name, c.labels, got, found, c.want)
		}
	}
	for _, name := range []string{"signet_sweeper_passes_total", "signet_sweeper_failures_total", "signet_sweeper_removed_total"} {
		if _, found := series(families, name); found == 0 {
			t.Errorf("there is no %s", name)
		}
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
		t.Errorf("the ring has the version %v", version)
	}
	return families
}

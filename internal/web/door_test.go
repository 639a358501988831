package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/internal/sqlite"
	"github.com/signetd/signet/keys"
)

// openKeys returns the keys of a real store, made once since RSA keys take their time. Nobody polls them.
func openKeys(t *testing.T) *keys.Manager {
	t.Helper()
	manager, err := theKeys()
	if err != nil {
		t.Fatal(err)
	}
	return manager
}

var theKeys = sync.OnceValues(func() (*keys.Manager, error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "signet-web")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	keks, err := seal.Create(filepath.Join(dir, "kek"))
	if err != nil {
		return nil, err
	}
	store, err := sqlite.Open(ctx, filepath.Join(dir, "signet.db"), sqlite.Options{})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	if err := store.Migrate(ctx); err != nil {
		return nil, err
	}
	return keys.Open(ctx, keys.Options{
		Store: store, KEKs: keks, InUse: func() []string { return []string{keys.RS256, keys.ES256, keys.EdDSA} },
		Policy: keys.Policy{
			MaxAge: 5 * time.Minute, PublishAhead: time.Hour, RotateEvery: 720 * time.Hour, PollInterval: 2 * time.Second,
			ClockSkew: time.Minute, MaxLifetime: time.Hour, MaxRefreshLifetime: 24 * time.Hour, RSABits: 2048,
		},
	})
})

// handler returns the public door over real keys.
func handler(t *testing.T, issuer string, log *slog.Logger) http.Handler {
	t.Helper()
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	door, err := Handler(Options{Issuer: issuer, Keys: openKeys(t), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return door
}

// serve runs a handler on a real socket until the test ends, and returns its URL.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, done := Server(handler, slog.New(slog.DiscardHandler)), make(chan error)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

func get(t *testing.T, method, url string, header http.Header) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	r.Host = header.Get("Host")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, body
}

// cached checks that an answer may be kept as a public document.
func cached(t *testing.T, name string, r *http.Response) {
	t.Helper()
	etag := r.Header.Get("ETag")
	for header, want := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "public, max-age=300, must-revalidate", "Access-Control-Allow-Origin": "*",
		"Set-Cookie": "", "Vary": "",
	} {
		if got := r.Header.Get(header); got != want {
			t.Errorf("%s: %s is %q", name, header, got)
		}
	}
	if len(etag) < 10 || etag[0] != '"' || etag[len(etag)-1] != '"' || strings.Count(etag, `"`) != 2 {
		t.Errorf("%s: ETag is %s", name, etag)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// records are log lines in JSON.
type records struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (r *records) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (r *records) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines.Write(b)
}

func (r *records) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines.String()
}

func (r *records) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines.Reset()
}

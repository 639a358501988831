package gateways

import (
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// caseHeader has the number of a request, by which the application records it.
const caseHeader = "X-Case"

// An application is the service behind the gateways. It records the requests
// that it gets.
type application struct {
	address string
	mu      sync.Mutex
	seen    map[string][]recorded
}

// A recorded is a request that reached the application.
type recorded struct {
	method, host, uri string
	header            http.Header
	body              int64
}

// newApplication starts an application until the test ends.
func newApplication(t *testing.T) *application {
	t.Helper()
	a := &application{seen: map[string][]recorded{}}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	a.address = strings.TrimPrefix(server.URL, "http://")
	return a
}

// ServeHTTP records a request. It accepts WebSockets and closes them at once.
func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, _ := io.Copy(io.Discard, r.Body)
	a.mu.Lock()
	id := r.Header.Get(caseHeader)
	a.seen[id] = append(a.seen[id], recorded{r.Method, r.Host, r.RequestURI, r.Header.Clone(), n})
	a.mu.Unlock()

	if r.Header.Get("Upgrade") != "websocket" {
		_, _ = io.WriteString(w, bearerSubject(r.Header.Get("Authorization")))
		return
	}
	// RFC 6455 §4.2.2
	accept := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Upgrade", "websocket")
	w.Header().Set("Sec-WebSocket-Accept", base64.StdEncoding.EncodeToString(accept[:]))
	w.WriteHeader(http.StatusSwitchingProtocols)
	var conn net.Conn
	if conn, _, _ = http.NewResponseController(w).Hijack(); conn != nil {
		_ = conn.Close()
	}
}

// requests returns the requests that the application got with this number.
func (a *application) requests(id string) []recorded {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen[id]
}

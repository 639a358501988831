package web

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Rule 65: behind nginx and HAProxy, no malformed request makes the issuer see
// another request than the proxy does. The issuer never answers a request that
// the proxy has not seen, and later requests get their own answers, whether
// they come on the same connection or on others.
func TestRule65_NoSmugglingBehindProxies(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for two proxies that wait for incomplete requests")
	}
	for name, proxy := range reverseProxies {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of the time they wait
			f, log := newFixture(t), &servedLog{}
			dial := proxy.start(t, strings.TrimPrefix(serve(t, log.wrap(f.handler)), "http://"))
			authorization := f.basic("web").Get("Authorization")

			forwarded := 0
			for attack, bytes := range smugglingAttacks() {
				for _, parts := range [][]string{{bytes}, splitHeader(bytes)} {
					served, desyncs := attempt(t, log, dial, parts, authorization)
					for _, desync := range desyncs {
						t.Errorf("%s in %d parts: %s", attack, len(parts), desync)
					}
					if served {
						forwarded++
					}
				}
			}
			t.Logf("%s passed on %d of %d malformed requests", name, forwarded, 2*len(smugglingAttacks()))
		})
	}
}

// The test above can fail: behind both proxies, requests reach a server that
// ignores Transfer-Encoding although the proxy has not seen them.
func TestNoSmugglingBehindProxies_CanFail(t *testing.T) {
	if testing.Short() {
		t.Skip("shows that a test fails which the short form leaves out")
	}
	for name, proxy := range reverseProxies {
		t.Run(name, func(t *testing.T) {
			log := &servedLog{}
			dial := proxy.start(t, serveNaively(t, log))
			parts := splitHeader(smugglingAttacks()["chunked body"])
			for range 100 { // the parts may arrive as one
				if _, desyncs := attempt(t, log, dial, parts, "x"); len(desyncs) > 0 {
					return
				}
			}
			t.Error("no desync of a server that ignores Transfer-Encoding")
		})
	}
}

// splitHeader splits a request after its header. nginx passes a body on as it
// comes only if it does not come with the header.
func splitHeader(request string) []string {
	end := strings.Index(request, "\r\n\r\n") + 4
	if end < 4 {
		end = strings.Index(request, "\n\n") + 2
	}
	return []string{request[:end], request[end:]}
}

// attempt sends the parts of an attack to the proxy, followed by an honest
// request on the same connection. Then it sends honest requests on two other
// connections. It reports whether the server has seen the attack, and what is
// wrong with the answers.
func attempt(
	t *testing.T, log *servedLog, dial func() net.Conn, parts []string, authorization string,
) (forwarded bool, desyncs []string) {
	t.Helper()
	seen := log.reset()
	attacker := dial()
	defer attacker.Close()
	// The proxy closes the connection if it refuses the attack. It waits for
	// more if the attack is incomplete.
	must(t, attacker.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
	done := make(chan string, 1)
	go func() { done <- readAnswers(attacker) }()
	for _, part := range append(slices.Clone(parts), honest("same", authorization)) {
		if _, err := io.WriteString(attacker, part); err != nil {
			break // the proxy has refused the attack
		}
		select {
		case <-seen: // the proxy has passed the header on
		case desync := <-done:
			done <- desync
		case <-time.After(50 * time.Millisecond):
		}
	}
	if desync := <-done; desync != "" {
		desyncs = append(desyncs, desync)
	}

	for _, ids := range [][]string{{"other-1", "other-2"}, {"other-3"}} {
		conn := dial()
		defer conn.Close()
		answers := bufio.NewReader(conn)
		for _, id := range ids {
			if fault := exchange(conn, answers, id, authorization); fault != "" {
				desyncs = append(desyncs, fault)
			}
		}
	}

	for id, n := range log.counts() {
		if strings.HasSuffix(id, unseen) || n > 1 {
			desyncs = append(desyncs, fmt.Sprintf("the server answered %d times: %s", n, id))
		}
	}
	return log.counts()["attack"] > 0, desyncs
}

// readAnswers reads the answers to an attack and to the honest request after
// it. It returns what is wrong with them, or an empty string.
func readAnswers(attacker net.Conn) (desync string) {
	answers := bufio.NewReader(attacker)
	for id := ""; id != "same"; {
		r, err := http.ReadResponse(answers, nil)
		if err != nil {
			return "" // the proxy has closed the connection, or waits
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return ""
		}
		if id = r.Header.Get("X-Id"); strings.HasPrefix(id, "other") {
			return "the attacker gets the answer of " + id
		}
	}
	return ""
}

// exchange sends an honest request and reads the answer. It returns what is
// wrong with it, or an empty string.
func exchange(conn net.Conn, answers *bufio.Reader, id, authorization string) (fault string) {
	if _, err := io.WriteString(conn, honest(id, authorization)); err != nil {
		return fmt.Sprintf("%s is not sent: %v", id, err)
	}
	r, err := http.ReadResponse(answers, nil)
	if err != nil {
		return fmt.Sprintf("%s gets no answer: %v", id, err)
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return fmt.Sprintf("%s gets a part of an answer: %v", id, err)
	}
	if got := r.Header.Get("X-Id"); r.StatusCode != http.StatusOK || got != id {
		return fmt.Sprintf("%s gets status %d, the answer of %q", id, r.StatusCode, got)
	}
	return ""
}

// honest returns the bytes of a request with an id.
func honest(id, authorization string) string {
	return "POST /oauth2/revoke HTTP/1.1\r\nHost: x\r\nX-Id: " + id + "\r\nAuthorization: " + authorization +
		"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\ntoken=x"
}

// unseen marks the requests in a servedLog that the proxy has not seen.
const unseen = ", which the proxy has not seen"

// A servedLog has the ids of the requests that a server has answered.
type servedLog struct {
	mu   sync.Mutex
	ids  map[string]int
	seen chan struct{}
}

// reset forgets all requests. seen gets a value when the next one comes.
func (l *servedLog) reset() (seen <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids, l.seen = map[string]int{}, make(chan struct{}, 1)
	return l.seen
}

// counts returns the number of requests with each id.
func (l *servedLog) counts() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := map[string]int{}
	for id, n := range l.ids {
		counts[id] = n
	}
	return counts
}

// add records a request.
func (l *servedLog) add(header http.Header) {
	id := header.Get("X-Id")
	if header.Get("X-Proxy") != "seen" {
		id += unseen
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids[id]++
	select {
	case l.seen <- struct{}{}:
	default:
	}
}

// wrap returns a handler that records the requests and puts their ids into the
// responses.
func (l *servedLog) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.add(r.Header)
		w.Header()["X-Id"] = r.Header["X-Id"]
		next.ServeHTTP(w, r)
	})
}

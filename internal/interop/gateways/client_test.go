package gateways

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// origin is that of the application in the pages of docs/gateways.
const (
	host   = "shop.example"
	origin = "https://" + host
)

// patience is the time limit of a request through a gateway. The gateways must
// answer sooner, also if the server is down or hangs.
const patience = 15 * time.Second

// A browser sends requests to a gateway.
type browser struct {
	gateway string // address
	roots   *x509.CertPool
}

// A response is what a browser gets from a gateway.
type response struct {
	*http.Response
	body []byte
}

// send sends a request over HTTP/1.1, exactly as the lines say: the request
// line and the headers. The body has zeros.
func (b browser) send(body int, lines ...string) (*response, error) {
	dialer := tls.Dialer{
		NetDialer: &net.Dialer{Timeout: patience},
		Config:    &tls.Config{RootCAs: b.roots, ServerName: host, NextProtos: []string{"http/1.1"}},
	}
	conn, err := dialer.Dial("tcp", b.gateway)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	head := strings.Join(lines, "\r\n") + "\r\n"
	if body > 0 {
		head += fmt.Sprintf("Content-Length: %d\r\n", body)
	}
	method, _, _ := strings.Cut(head, " ")
	go func() {
		// A gateway may refuse a request before it has read the body.
		_, _ = io.WriteString(conn, head+"\r\n"+strings.Repeat("0", body))
	}()
	for reader := bufio.NewReader(conn); ; {
		r, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			return nil, err
		}
		if r.StatusCode != http.StatusContinue {
			return readAll(r)
		}
	}
}

// send2 sends a request over HTTP/2. Go sends each cookie in a header of its
// own (RFC 9113 §8.2.3).
func (b browser) send2(r *http.Request) (*response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	transport := &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{RootCAs: b.roots, ServerName: host},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, b.gateway)
		},
	}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	if answer.ProtoMajor != 2 {
		return nil, fmt.Errorf("the gateway speaks %s", answer.Proto)
	}
	return readAll(answer)
}

func readAll(r *http.Response) (*response, error) {
	defer r.Body.Close()
	if r.StatusCode == http.StatusSwitchingProtocols {
		return &response{Response: r}, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	return &response{r, body}, err
}

// A session is a login in a browser.
type session struct {
	Subject   string `json:"subject"`
	ExpiresIn int    `json:"session_expires_in"`
	// cookie and device are the cookies of the server, with their names.
	cookie, device string
}

// A page sends requests of a page of the application.
type page func(*http.Request) (*response, error)

// login logs a user in, for both audiences.
func (p page) login(username string) (session, error) {
	body := fmt.Sprintf(`{"username":%q,"password":%q,"audience":[%q,%q]}`, username, password, audience, otherAudience)
	r, err := p.post("/session/login", body, "")
	if err != nil {
		return session{}, err
	}
	s := session{}
	if r.StatusCode != http.StatusOK {
		return s, fmt.Errorf("login: %s: %s", r.Status, r.body)
	}
	if err := json.Unmarshal(r.body, &s); err != nil {
		return s, fmt.Errorf("login: %w: %s", err, r.body)
	}
	for _, c := range r.Cookies() {
		switch c.Name {
		case sessionCookie:
			s.cookie = c.Name + "=" + c.Value
		case deviceCookie:
			s.device = c.Name + "=" + c.Value
		}
	}
	if s.cookie == "" || s.device == "" || s.Subject == "" {
		return s, fmt.Errorf("login: %v: %s", r.Header, r.body)
	}
	return s, nil
}

// post sends JSON to the server.
func (p page) post(path, body, cookie string) (*response, error) {
	r, err := http.NewRequest(http.MethodPost, origin+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", origin)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	return p(r)
}

// claims are those of an access token.
type claims struct {
	Subject  string `json:"sub"`
	Audience any    `json:"aud"`
}

// bearerClaims returns the claims of the access token in an Authorization
// header, or none. It does not verify the token.
func bearerClaims(authorization string) (c claims) {
	if parts := strings.Split(strings.TrimPrefix(authorization, "Bearer "), "."); len(parts) == 3 {
		if text, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			_ = json.Unmarshal(text, &c)
		}
	}
	return c
}

// bearerSubject returns the subject of the access token in an Authorization
// header, or an empty string.
func bearerSubject(authorization string) string { return bearerClaims(authorization).Subject }

package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A recorder remembers the last answers on one port, and can lose one.
type recorder struct {
	mu   sync.Mutex
	lose string // the path whose next answer is lost; empty for none
	last []exchange
}

// An exchange is a request and its answer.
type exchange struct {
	Time    string `json:"time"`
	Request string `json:"request"`
	Status  int    `json:"status"`
	Cookie  bool   `json:"cookie"` // the answer sets or removes a cookie
	Lost    bool   `json:"lost"`
}

// exchanges is how many exchanges a recorder remembers.
const exchanges = 8

// loseNext loses the next answer to a request for path.
func (c *recorder) loseNext(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lose = path
}

// losing reports whether the next answer to path will be lost. If take is true,
// this is that answer.
func (c *recorder) losing(path string, take bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	losing := c.lose == path
	if losing && take {
		c.lose = ""
	}
	return losing
}

// handler returns next with a record of its answers.
func (c *recorder) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answer{ResponseWriter: w, status: http.StatusOK, lost: c.losing(r.URL.Path, true)}
		next.ServeHTTP(a, r)

		c.mu.Lock()
		c.last = append(c.last, exchange{
			Time: time.Now().Format(time.TimeOnly), Request: r.Method + " " + r.URL.Path,
			Status: a.status, Cookie: w.Header().Get("Set-Cookie") != "", Lost: a.lost,
		})
		c.last = slices.Clone(c.last[max(0, len(c.last)-exchanges):])
		c.mu.Unlock()
		if a.lost {
			panic(http.ErrAbortHandler) // closes the connection without an answer
		}
	})
}

// newest returns the last exchanges, the newest first.
func (c *recorder) newest() []exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := slices.Clone(c.last)
	slices.Reverse(last)
	return last
}

// ServeHTTP answers with the last exchanges.
func (c *recorder) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(c.newest())
}

// An answer remembers its status. If it is lost, the browser gets none of it.
type answer struct {
	http.ResponseWriter
	status int
	lost   bool
}

func (a *answer) WriteHeader(status int) {
	if a.status = status; !a.lost {
		a.ResponseWriter.WriteHeader(status)
	}
}

func (a *answer) Write(text []byte) (int, error) {
	if a.lost {
		return len(text), nil
	}
	return a.ResponseWriter.Write(text)
}

package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A wire is between the browsers and the handlers of one port. It remembers the
// last answers, and can lose one.
type wire struct {
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

// exchanges is how many exchanges a wire remembers.
const exchanges = 8

// loseNext loses the next answer to a request for path.
func (w *wire) loseNext(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lose = path
}

// armed reports whether the next answer to path will be lost. If take is true,
// it is lost now.
func (w *wire) armed(path string, take bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	armed := w.lose == path
	if armed && take {
		w.lose = ""
	}
	return armed
}

// handler returns a handler whose requests go over the wire.
func (w *wire) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		a := &answer{ResponseWriter: rw, status: http.StatusOK, lost: w.armed(r.URL.Path, true)}
		next.ServeHTTP(a, r)

		w.mu.Lock()
		w.last = append(w.last, exchange{
			Time: time.Now().Format(time.TimeOnly), Request: r.Method + " " + r.URL.Path,
			Status: a.status, Cookie: rw.Header().Get("Set-Cookie") != "", Lost: a.lost,
		})
		w.last = slices.Clone(w.last[max(0, len(w.last)-exchanges):])
		w.mu.Unlock()
		if a.lost {
			panic(http.ErrAbortHandler) // closes the connection without an answer
		}
	})
}

// newest returns the last exchanges, the newest first.
func (w *wire) newest() []exchange {
	w.mu.Lock()
	defer w.mu.Unlock()
	last := slices.Clone(w.last)
	slices.Reverse(last)
	return last
}

// ServeHTTP answers with the last exchanges.
func (w *wire) ServeHTTP(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(rw).Encode(w.newest())
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

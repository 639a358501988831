package web

import (
	"log/slog"
	"net/http"
	"time"
)

// receiveBuffer is how many bytes of the bodies on a connection with HTTP/2 the
// server holds. It is the minimum of net/http.
const receiveBuffer = 64 << 10

// NewServer returns a server for the handler. It limits the time of each phase
// of a request and the size of the headers. A connection with HTTP/2 may have
// maxStreams requests in progress. The server logs the errors of net/http at
// level warn.
func NewServer(handler http.Handler, maxStreams int, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      20 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          maxStreams,
			MaxReceiveBufferPerConnection: receiveBuffer, MaxReceiveBufferPerStream: receiveBuffer,
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

package cert

import (
	"log/slog"
	"time"
)

// Options configures a Reloader. All fields except ClientCAFile are required.
type Options struct {
	CertFile string
	KeyFile  string
	// ClientCAFile holds the CA certificates that sign client certificates. If
	// it is empty, the server requests no client certificate.
	ClientCAFile string
	// MinVersion is the oldest TLS version that the server accepts:
	// tls.VersionTLS12 or newer.
	MinVersion uint16
	// Now is the time by which certificates are valid.
	Now func() time.Time
	Log *slog.Logger
}

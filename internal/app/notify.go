package app

import (
	"log/slog"
	"net"
	"os"
	"time"
)

// The states that a service with Type=notify reports to systemd
// (sd_notify(3)).
const (
	notifyReady    = "READY=1"
	notifyStopping = "STOPPING=1"
)

// notifyTimeout is how long a notification waits for a reader that is stuck.
const notifyTimeout = time.Second

// notifySystemd sends a state to the socket that NOTIFY_SOCKET names. Without
// that variable it does nothing. A failure is only logged: systemd then acts on
// its own timeouts.
func notifySystemd(state string, log *slog.Logger) {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err == nil {
		_ = conn.SetWriteDeadline(time.Now().Add(notifyTimeout)) // which a new socket accepts
		_, err = conn.Write([]byte(state))
		_ = conn.Close()
	}
	if err != nil {
		log.Warn("cannot notify systemd", "state", state, "error", err)
	}
}

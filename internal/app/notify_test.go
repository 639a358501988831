package app

import (
	"bytes"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A service manager that reads no notifications blocks neither the start nor
// the end of the server.
func TestNotifySystemd_NobodyReads(t *testing.T) {
	address := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"}
	manager, err := net.ListenUnixgram("unixgram", address)
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	conn, err := net.DialUnix("unixgram", nil, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for err == nil { // until the queue of the socket is full
		_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
		_, err = conn.Write([]byte("x"))
	}

	t.Setenv("NOTIFY_SOCKET", address.Name)
	var log bytes.Buffer
	notifySystemd(notifyReady, slog.New(slog.NewTextHandler(&log, nil)))
	if !strings.Contains(log.String(), "cannot notify systemd") {
		t.Errorf("the log has %q", log.String())
	}
}

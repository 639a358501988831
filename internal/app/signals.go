package app

import (
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// KeepRunning makes signals that would end a server without a drain have no
// effect: SIGHUP, which a closed terminal sends, and those of a failed write,
// which returns an error then: SIGPIPE if the reader of a pipe has gone, and
// SIGXFSZ if the file has its maximum size (RLIMIT_FSIZE).
func KeepRunning(log *slog.Logger) {
	signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for range hangups {
			log.Info("SIGHUP has no effect; SIGTERM stops the server")
		}
	}()
}

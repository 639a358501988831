package rpc

import (
	"io"
	"log/slog"

	"google.golang.org/grpc/grpclog"
)

// UseLog makes gRPC report its errors to log. Before, it writes them to stderr
// itself. No other function of gRPC may run at the same time.
func UseLog(log *slog.Logger) {
	errors := slog.NewLogLogger(log.Handler(), slog.LevelError).Writer()
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, errors))
}

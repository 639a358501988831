package main

import (
	"context"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/signetd/signet/verify"
)

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	file := flag.String("dev", "data/dev.json", "the `FILE` that signet serve --dev writes")
	port := flag.Int("port", 8001, "the first of three `PORT`s, which must be those of the clients' origins")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	d, err := readDev(*file)
	if err != nil {
		return err
	}
	// New waits for the issuer.
	v, err := verify.New(ctx, d.Issuer, verify.Options{
		Audience:   d.BrowserAudience,
		Revocation: verify.FailClosed(5 * time.Second),
	})
	if err != nil {
		return err
	}
	defer v.Close()
	return serve(ctx, *port, d, v)
}

// serve answers browsers on three ports, until ctx is done.
func serve(ctx context.Context, port int, d dev, v *verify.Verifier) error {
	failed := make(chan error, len(ways))
	for i, w := range ways {
		host := net.JoinHostPort("localhost", strconv.Itoa(port+i))
		listener, err := net.Listen("tcp", host)
		if err != nil {
			return err
		}
		server := &http.Server{Handler: newSite(w, port, d, v).handler(host), ReadHeaderTimeout: 5 * time.Second}
		// A browser hides the loss of an answer on a connection that was open
		// before: it sends the request again by itself.
		server.SetKeepAlivesEnabled(false)
		defer server.Close()
		go func() { failed <- server.Serve(listener) }()
		log.Printf("http://%s  %s", host, w.Title)
	}

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

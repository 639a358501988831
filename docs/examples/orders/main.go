package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
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
	listen := flag.String("listen", "127.0.0.1:8000", "`ADDRESS` of the API")
	issuer := flag.String("issuer", "http://127.0.0.1:8080", "the issuer identifier: the `URL` in the iss of its tokens")
	audience := flag.String("audience", "demo-api", "the `ID` of this API at the issuer")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	// New waits for the issuer, so the two can start in any order.
	v, err := verify.New(ctx, *issuer, verify.Options{
		Audience:   *audience,
		Revocation: verify.FailClosed(5 * time.Second),
	})
	if err != nil {
		return err
	}
	defer v.Close()

	log.Printf("orders on http://%s, for tokens of %s", *listen, *issuer)
	return serve(ctx, *listen, newHandler(v))
}

// newHandler returns the API.
func newHandler(v *verify.Verifier) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /orders", v.Middleware(http.HandlerFunc(listOrders), verify.Scope("read")))
	mux.Handle("GET /orders/events", v.Middleware(events(v), verify.Scope("read")))
	return mux
}

// listOrders returns the orders of the user in the token.
func listOrders(w http.ResponseWriter, r *http.Request) {
	claims, _ := verify.From(r.Context())
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"subject": claims.Subject, "orders": []string{"order-1", "order-2"}})
}

// events sends an event each second, until the client leaves or the token ends.
func events(v *verify.Verifier) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := verify.From(r.Context())
		ctx, stop := v.While(r.Context(), claims)
		defer stop()

		w.Header().Set("Content-Type", "text/event-stream")
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			fmt.Fprintf(w, "data: the order is on its way\n\n")
			if err := http.NewResponseController(w).Flush(); err != nil {
				return
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				fmt.Fprintf(w, "event: end\ndata: %v\n\n", context.Cause(ctx))
				return
			}
		}
	})
}

// serve answers requests until ctx ends.
func serve(ctx context.Context, address string, handler http.Handler) error {
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return server.Close()
	}
}

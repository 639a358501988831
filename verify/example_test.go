package verify_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/signetd/signet/verify"
)

// A service protects an endpoint with one line.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	v, err := verify.New(ctx, "https://login.example.com", verify.Options{
		Audience:   "https://api.example",
		Revocation: verify.FailClosed(5 * time.Second),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()

	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := verify.From(r.Context())
		fmt.Fprintln(w, "orders of", claims.Subject)
	})
	http.Handle("/orders", v.Middleware(orders, verify.Scope("orders:read")))
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", nil))
}

// Code without HTTP verifies tokens itself.
func ExampleVerifier_Verify() {
	handle := func(ctx context.Context, v *verify.Verifier, token string) error {
		claims, err := v.Verify(ctx, token)
		switch {
		case errors.Is(err, verify.ErrInvalid):
			return errors.New("unauthenticated")
		case err != nil:
			return errors.New("try again later")
		case !claims.Has("orders:read"):
			return errors.New("permission denied")
		}
		var tenant string
		if ok, err := claims.Extra("tenant", &tenant); !ok || err != nil {
			return errors.New("permission denied")
		}
		return nil
	}
	_ = handle
}

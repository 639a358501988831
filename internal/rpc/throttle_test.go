package rpc

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Rule 49: whoever is refused, for whatever reason, gets the same bytes, in the status, its details, the header and the
// trailer. The time is held in internal/issuer.
func TestRule49_RefusedLoginsAreTheSameBytes(t *testing.T) {
	h := openHouse(t)
	for _, name := range []string{"grace", "gone"} {
		_, err := h.admin.CreateUser(t.Context(), operator, name, secret, nil)
		must(t, err)
	}
	must(t, h.admin.DisableUser(t.Context(), operator, "gone"))
	refused := func(name, password string) (answer string) {
		t.Helper()
		var header, trailer metadata.MD
		_, err := h.tokens.Login(h.as(t, "web"), &signetv1.LoginRequest{Username: name, Password: password}, grpc.Header(&header), grpc.Trailer(&trailer))
		if status.Code(err) != codes.Unauthenticated || reason(err) != "INVALID_GRANT" {
			t.Fatalf("%s: %v", name, err)
		}
		bytes, errMarshal := proto.MarshalOptions{Deterministic: true}.Marshal(status.Convert(err).Proto())
		must(t, errMarshal)
		if len(header.Get("x-request-id")) != 1 {
			t.Errorf("%s: header %v", name, header)
		}
		header.Delete("x-request-id")
		return fmt.Sprintf("%x %v %v", bytes, header, trailer)
	}
	want := refused(username, "wrong")
	for range 12 {
		refused("grace", "wrong")
	}
	h.logs.reset()
	for _, c := range []struct{ name, password string }{
		{"nobody", secret},
		{"\x00", secret},
		{"gone", secret},
		{"gone", "wrong"},
		{"grace", "wrong"}, // the last that is not throttled
		{"grace", secret},
		{"grace", "wrong"},
	} {
		if got := refused(c.name, c.password); got != want {
			t.Errorf("%s: %s, want %s", c.name, got, want)
		}
	}
	if got := h.logs.line(t, "call")["cause"]; got != "throttled_account" {
		t.Errorf("the last login was refused for %v", got)
	}
}

// Rule 52: a public client's address is where it calls from, whatever it reports; it is told when to come again.
func TestRule52_PublicClientsAddress(t *testing.T) {
	h := openHouse(t)
	var err error
	for i := range 24 {
		_, err = h.tokens.Login(h.as(t, "spa"), &signetv1.LoginRequest{
			Username: fmt.Sprint("nobody", i), Password: secret, EndUser: &signetv1.EndUser{Ip: fmt.Sprint("192.0.2.", i)},
		})
		if i < 23 && reason(err) != "INVALID_GRANT" {
			t.Fatalf("login %d: %v", i+1, err)
		}
	}
	retry := detail[*errdetails.RetryInfo](status.Convert(err)).GetRetryDelay().AsDuration()
	if status.Code(err) != codes.ResourceExhausted || reason(err) != "SLOW_DOWN" || retry != 48*time.Second {
		t.Errorf("login 24: %v, retry after %v", err, retry)
	}
	if got := h.logs.line(t, "call")["cause"]; got != "throttled_address" {
		t.Errorf("the log says %v", got)
	}
	h.login(t, "web") // a confidential client's own address counts for nobody
}

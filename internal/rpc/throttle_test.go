package rpc_test

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

	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Rule 49: All refused logins have the same bytes in the status, its details,
// the header and the trailer. A test of internal/login compares the time.
func TestRule49_RefusedLoginsAreTheSameBytes(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"grace", "gone"} {
		_, err := f.Admin.CreateUser(t.Context(), operator, name, password, nil)
		must(t, err)
	}
	must(t, f.Admin.DisableUser(t.Context(), operator, "gone"))
	refused := func(name, secret string) (response string) {
		t.Helper()
		var header, trailer metadata.MD
		hashes := f.Passwords.Stats().Hashes
		_, err := f.TokenService.Login(f.As(t, "web"), &signetv1.LoginRequest{Username: name, Password: secret},
			grpc.Header(&header), grpc.Trailer(&trailer))
		if status.Code(err) != codes.Unauthenticated || reason(err) != "INVALID_GRANT" {
			t.Fatalf("%s: %v", name, err)
		}
		if n := f.Passwords.Stats().Hashes - hashes; n != 1 {
			t.Errorf("%s: %d hashes, want 1", name, n)
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
	f.Logs.Reset()
	for _, c := range []struct{ name, secret string }{
		{"nobody", password},
		{"\x00", password},
		{"gone", password},
		{"gone", "wrong"},
		{"grace", "wrong"}, // the last attempt before the limit
		{"grace", password},
		{"grace", "wrong"},
	} {
		if got := refused(c.name, c.secret); got != want {
			t.Errorf("%s: %s, want %s", c.name, got, want)
		}
	}
	if got := f.Logs.Line(t, "call")["cause"]; got != "throttled_account" {
		t.Errorf("the last login: cause %v", got)
	}
}

// Rule 52: The address of a public client is the origin of its calls, whatever
// it reports. A throttled call gets a retry delay.
func TestRule52_PublicClientsAddress(t *testing.T) {
	f := newFixture(t)
	var err error
	for i := range 24 {
		_, err = f.TokenService.Login(f.As(t, "spa"), &signetv1.LoginRequest{
			Username: fmt.Sprint("nobody", i), Password: password,
			EndUser: &signetv1.EndUser{Ip: fmt.Sprint("192.0.2.", i)},
		})
		if i < 23 && reason(err) != "INVALID_GRANT" {
			t.Fatalf("login %d: %v", i+1, err)
		}
	}
	retry := rpctest.Detail[*errdetails.RetryInfo](status.Convert(err)).GetRetryDelay().AsDuration()
	if status.Code(err) != codes.ResourceExhausted || reason(err) != "SLOW_DOWN" || retry != 48*time.Second {
		t.Errorf("login 24: %v, retry after %v", err, retry)
	}
	if got := f.Logs.Line(t, "call")["cause"]; got != "throttled_address" {
		t.Errorf("logged cause %v", got)
	}
	f.LogIn(t, "web") // the origin of a confidential client is not limited
}

package interop

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/fullstorydev/grpcurl"
	"github.com/jhump/protoreflect/grpcreflect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
)

// A grpcurlClient calls the issuer with the code of grpcurl. It is configured
// with the address only, and finds the methods by reflection.
type grpcurlClient struct {
	t      *testing.T
	conn   *grpc.ClientConn
	source grpcurl.DescriptorSource
}

func newGrpcurlClient(t *testing.T, i *issuer) *grpcurlClient {
	t.Helper()
	conn, err := grpc.NewClient(i.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	client := grpcreflect.NewClientAuto(t.Context(), conn)
	t.Cleanup(client.Reset)
	return &grpcurlClient{t, conn, grpcurl.DescriptorSourceFromServer(t.Context(), client)}
}

// call calls a method with a request in JSON. It returns the status code and
// the output of grpcurl.
func (c *grpcurlClient) call(method, request string, headers ...string) (codes.Code, string) {
	c.t.Helper()
	parser, formatter, err := grpcurl.RequestParserAndFormatter(
		grpcurl.FormatJSON, c.source, strings.NewReader(request), grpcurl.FormatOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	var out bytes.Buffer
	handler := &grpcurl.DefaultEventHandler{Out: &out, Formatter: formatter}
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	if err := grpcurl.InvokeRPC(ctx, c.source, c.conn, method, headers, handler, parser.Next); err != nil {
		c.t.Fatal(err)
	}
	if handler.Status.Code() != codes.OK {
		grpcurl.PrintStatus(&out, handler.Status, formatter)
	}
	return handler.Status.Code(), out.String()
}

// TestGrpcurl logs in with grpcurl and checks how grpcurl shows an error.
func TestGrpcurl(t *testing.T) {
	i, env := newDemo(t, map[string]string{"SIGNET_GRPC_REFLECTION": "true"})
	c := newGrpcurlClient(t, i)
	services, err := grpcurl.ListServices(c.source)
	if err != nil {
		t.Fatal(err)
	}
	for _, service := range []string{"AdminService", "GrantService", "KeyService", "TokenService"} {
		if !slices.Contains(services, "signet.v1."+service) {
			t.Errorf("reflection lists %q, want %s", services, service)
		}
	}
	pair := url.QueryEscape(env["CLIENT_ID"]) + ":" + url.QueryEscape(env["CLIENT_SECRET"])
	basic := "authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
	code, out := c.call("signet.v1.TokenService/Login", `{"username": "ada", "password": "`+env["PASSWORD"]+`"}`, basic)
	var login struct{ AccessToken, RefreshToken, TokenType string }
	if code != codes.OK || json.Unmarshal([]byte(out), &login) != nil || login.TokenType != "Bearer" ||
		login.RefreshToken == "" {
		t.Errorf("Login: got %v: %s", code, out)
	}

	// The status details have the reason of an error.
	code, out = c.call("signet.v1.TokenService/Refresh", `{"refresh_token": "sgr_made-up"}`, basic)
	if code != codes.Unauthenticated || !strings.Contains(out, "INVALID_GRANT") {
		t.Errorf("Refresh with an unknown token: got %v: %s", code, out)
	}
}

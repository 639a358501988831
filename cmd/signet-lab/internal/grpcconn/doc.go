// Package grpcconn makes unary gRPC calls over one HTTP/2 connection and uses
// little processor time for them.
package grpcconn

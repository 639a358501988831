// Package rpc is the gRPC API: it decodes a call, authenticates the caller,
// calls the package that has the rules, and encodes the response. It promises
// no compatibility to importers.
//
// A call passes these steps:
//
//	interceptor   request id, deadline, log line, panics, response status
//	access rule   authenticates the caller as the service requires
//	service       validates the request, calls, encodes
//
// The gRPC column of the error table is in this package. The AdminService is in
// adminrpc.
package rpc

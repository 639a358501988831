// Package rpc is the gRPC door: it decodes a call, finds out who makes it, calls the issuer or the administration, and encodes
// the answer; the gRPC column of the error table stands here. It promises no compatibility to importers.
package rpc

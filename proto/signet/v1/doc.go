// Package signetv1 contains the messages and services of the gRPC API
// signet.v1, generated from the .proto files beside it. It imports no other
// package of this module. Changes to it stay compatible with older clients.
package signetv1

//go:generate go -C ../.. tool -modfile=../internal/tools/buf/go.mod buf generate

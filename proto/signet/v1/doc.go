// Package signetv1 is the wire: the messages and services of signet.v1 as Go code, generated from the .proto files beside
// it. It imports nothing of ours, and changes to it keep old clients working.
package signetv1

//go:generate go -C ../.. tool -modfile=../internal/tools/buf/go.mod buf generate

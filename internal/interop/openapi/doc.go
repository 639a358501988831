// Package openapi tests docs/openapi.yaml: it compares the document with the
// routes of the servers, and with requests and responses of each operation.
package openapi

// Package validate checks the fields of gRPC requests and collects the invalid
// ones. It promises no compatibility to importers.
package validate

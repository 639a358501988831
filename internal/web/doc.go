// Package web is the HTTP door: the JWK Set, the metadata documents, the probes, and the operator's own address. It promises
// no compatibility to importers.
package web

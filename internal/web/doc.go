// Package web is the HTTP door: the endpoints of OAuth 2.0, the JWK Set, the metadata documents, the probes, and the operator's
// own address; the HTTP column of the error table stands here. It promises no compatibility to importers.
package web

// Package batch combines concurrent requests into batches, so that one call
// answers several of them. It does not depend on what a request is. It promises
// no compatibility to importers.
package batch

// Package batch combines concurrent requests into batches, so that one call of
// a function answers several requests. Requests can be of any type. It promises
// no compatibility to importers.
package batch

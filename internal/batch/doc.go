// Package batch is one generic coalescer: who waits together goes together. It knows nothing of what it carries. It promises
// no compatibility to importers.
package batch

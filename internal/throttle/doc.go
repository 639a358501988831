// Package throttle limits login attempts per account, per address and per known
// device.
//
// It decides which counters count an attempt, and when a counter accepts the
// next one. The package contains only the rules; the stores persist the
// counters.
//
// It promises no compatibility to importers.
package throttle

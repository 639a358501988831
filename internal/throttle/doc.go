// Package throttle says how many guesses at a password an account, an address and a known device have left: which counters a
// guess is counted by, and when a counter takes one more. It is pure policy: the stores keep the counters. It promises no
// compatibility to importers.
package throttle

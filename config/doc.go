// Package config reads and validates the configuration of the issuer.
//
// Load merges four sources into one Config: command-line flags, environment
// variables, a YAML file and the documented defaults in signet.yaml. It reports
// all faults at once.
//
// The package is at the top of the repository so that the keys are easy to
// find. It promises no compatibility to importers.
package config

// Package config is the configuration of the issuer: one struct, read once from flags, environment, file and the documented
// defaults of signet.yaml, and judged as a whole. It stands at the top so that its keys are easy to find, and promises no
// compatibility to importers.
package config

// Package login verifies users by name and password within the limits on
// attempts, and changes passwords. It promises no compatibility to importers.
package login

// Package demo tests docs/examples/browser in Chromium, as README starts it.
package demo

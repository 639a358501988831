//go:build !linux

package app

// ProtectMemory does nothing on systems other than Linux, which are supported
// for development only.
func ProtectMemory() error { return nil }

// Package repository finds the source tree that the lab builds and benchmarks.
package repository

// Package main is a program.
package main

// Package programs builds the programs of the repository for the tests of this
// module, and chooses addresses for them.
package programs

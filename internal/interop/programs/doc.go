// Package programs builds the programs of the repository for the tests of this
// module, and chooses addresses for them. It runs programs of other projects
// with the configurations of the pages of docs.
package programs

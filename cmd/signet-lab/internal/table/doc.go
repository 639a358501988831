// Package table compares the operations of an issuer with their limits on this
// machine and prints the results as a table.
package table

// Command structure checks conventions of this repository that no public linter
// checks. It prints a line for each fault and fails if there is one.
//
//	structure [-only check,check] [-root directory]
//
// The checks of packages read production code, without generated files:
//
//   - doc: a package has a doc.go with the comment "Package x …" or, for a
//     program, "Command x …".
//   - methods: a receiver has no more than 20 methods.
//   - cycles: no two files of a package use each other's declarations.
//
// The check of lines reads tests, too:
//
//   - width: a comment of a Go file has no more than 80 columns, code has no
//     more than 120.
package main

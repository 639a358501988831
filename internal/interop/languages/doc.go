// Package languages tests the code that other languages generate from the
// .proto files: a client in each language logs a user in and out.
package languages

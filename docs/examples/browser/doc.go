// Command browser shows three ways in which a browser can hold a login: the
// tokens in the page, a refresh cookie, and a session cookie. Each way has a
// port of its own. It runs beside `signet serve --dev`.
//
// If you write a back end in Go that has no gateway in front, start with
// gateway.go. It shows how the back end asks Signet about each request.
package main

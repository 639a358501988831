// Command signet runs the issuer (serve). It also has the operator's commands
// for keys, users, clients and audiences, and a small client that logs in and
// refreshes.
package main

// Command signet is the program: the issuer itself (serve), the operator's commands on its keys, users, clients and
// audiences, and a small client that logs in and refreshes.
package main

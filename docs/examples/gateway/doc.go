// Command gateway is an example of a back end for browsers. It logs users in at Signet, keeps their tokens to itself, renews
// them in time, and calls an API in their name. The browser has nothing but an opaque cookie, so that a script in a page finds
// no token to take.
//
// What to look at, if you write your own: session.go, which loses no login to a lost answer.
package main

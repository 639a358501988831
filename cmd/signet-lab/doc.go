// Command signet-lab measures the issuer: how many calls of a kind a running one answers, how fast, and what each costs; and all
// of it against what it cannot be faster than.
package main
